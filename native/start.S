/* Hands main() the stack as the kernel laid it out: argc, then argv. */
	.section .note.GNU-stack,"",%progbits
	.text
	.globl _start
	.type _start, %function
_start:
#if defined(__x86_64__)
	xor %ebp, %ebp
	mov (%rsp), %rdi
	lea 8(%rsp), %rsi
	and $-16, %rsp
	call tsbox_main
#elif defined(__aarch64__)
	mov x29, #0
	mov x30, #0
	ldr x0, [sp]
	add x1, sp, #8
	bl tsbox_main
#endif
