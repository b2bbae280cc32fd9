// Names of the kernel's (of files, of processes) as JavaScript strings, and back. A name is bytes, and a
// session may choose some that are no UTF-8: each such byte is a lone surrogate, U+DC00 and the byte, as in
// Python's surrogateescape (PEP 383). So a path goes through JavaScript without losing anything.
// src/common/text.ts writes lone surrogates out where they are shown, as does JSON.
#ifndef CORRAL_TEXT_H
#define CORRAL_TEXT_H

#include <napi.h>
#include <string>

// A Value, as a String that is set in an object becomes UTF-8 on the way (Napi::Value::From).
Napi::Value ToText(Napi::Env env, const char *bytes, size_t length);

inline Napi::Value ToText(Napi::Env env, const std::string &bytes) {
  return ToText(env, bytes.data(), bytes.size());
}

std::string ToBytes(const Napi::Value &text);

#endif
