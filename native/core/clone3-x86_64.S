#if defined(__x86_64__)
// long corral_clone3(args: rdi, size: rsi, child: rdx, context: rcx); see clone3.h
// The kernel overwrites rax, rcx and r11 only, so child and context travel in rdx and r8.
        .text
        .globl  corral_clone3
        .hidden corral_clone3
        .type   corral_clone3, @function
corral_clone3:
        .cfi_startproc
        endbr64
        movq    %rcx, %r8
        movl    $435, %eax              // SYS_clone3
        syscall
        testq   %rax, %rax
        jz      .Lchild
        ret
.Lchild:
        .cfi_undefined rip              // the child's first frame: unwinding ends here
        xorl    %ebp, %ebp
        andq    $-16, %rsp
        movq    %r8, %rdi
        call    *%rdx
        movl    %eax, %edi
        movl    $231, %eax              // SYS_exit_group
        syscall
        hlt
        .cfi_endproc
        .size   corral_clone3, .-corral_clone3
#endif
        .section .note.GNU-stack, "", @progbits
