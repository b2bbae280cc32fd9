// Prints the tables of glibc's C locale, for shim.c: glibc's libstdc++ reads them without asking.
#include <ctype.h>
#include <stdio.h>

#define TABLE(type, name, table)                                                                             \
  printf("static const " type " " name "[384] = {");                                                         \
  for (int at = -128; at < 256; at++)                                                                        \
    printf("%d,", (table)[at]);                                                                              \
  puts("};");

int main(void) {
  TABLE("unsigned short", "classes", *__ctype_b_loc())
  TABLE("int", "lower", *__ctype_tolower_loc())
  TABLE("int", "upper", *__ctype_toupper_loc())
}
