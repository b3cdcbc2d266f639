"""Runs its arguments where the seccomp filter denies io_uring with EPERM, as Docker's default profile does."""
import ctypes
import os
import struct
import sys

# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW = 0x7FFF0000
SECCOMP_RET_ERRNO = 0x00050000
BPF_LD_W_ABS = 0x20
BPF_JMP_JEQ_K = 0x15
BPF_RET_K = 0x06
# struct seccomp_data { int nr; ... }
OFFSET_NR = 0
# The same number on every architecture.
IO_URING_SETUP = 425
EPERM = 1


class Program(ctypes.Structure):
    """struct sock_fprog"""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def instruction(code, jump_true, jump_false, operand):
    return struct.pack("=HBBI", code, jump_true, jump_false, operand)


def deny_io_uring():
    filters = b"".join(
        [
            instruction(BPF_LD_W_ABS, 0, 0, OFFSET_NR),
            instruction(BPF_JMP_JEQ_K, 0, 1, IO_URING_SETUP),
            instruction(BPF_RET_K, 0, 0, SECCOMP_RET_ERRNO | EPERM),
            instruction(BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW),
        ]
    )
    memory = ctypes.create_string_buffer(filters, len(filters))
    program = Program(len(filters) // 8, ctypes.addressof(memory))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0),
    ):
        if libc.prctl(*(ctypes.c_ulong(word) for word in call)) != 0:
            sys.exit(f"prctl{call}: {os.strerror(ctypes.get_errno())}")


deny_io_uring()
os.execvp(sys.argv[1], sys.argv[1:])
