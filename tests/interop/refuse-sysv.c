/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* refuse-sysv [mq=]ERRNO COMMAND [ARGUMENT…]: runs the command where the calls of System V IPC, or those of POSIX
 * message queues, fail with that error (a number), as a container's seccomp(2) filter lets them. For tests. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int refused_sysv[] = { SYS_shmget, SYS_shmat, SYS_shmdt, SYS_shmctl, SYS_semget, SYS_semop,
        SYS_semtimedop, SYS_semctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl };

static const int refused_mq[] = { SYS_mq_open, SYS_mq_unlink, SYS_mq_timedsend, SYS_mq_timedreceive, SYS_mq_notify,
        SYS_mq_getsetattr };

enum { N_MAX = sizeof(refused_sysv) / sizeof(*refused_sysv) };

int main(int argc, char *argv[]) {
        bool mq = argc > 2 && strncmp(argv[1], "mq=", 3) == 0;
        const int *refused = mq ? refused_mq : refused_sysv;
        int n = mq ? sizeof(refused_mq) / sizeof(*refused_mq) : N_MAX;
        struct sock_filter filter[N_MAX + 3];
        struct sock_fprog program = { .len = (unsigned short)(n + 3), .filter = filter };
        unsigned number = argc > 2 ? (unsigned)strtoul(argv[1] + (mq ? 3 : 0), NULL, 10) : 0;

        if (number == 0) {
                fprintf(stderr, "usage: refuse-sysv [mq=]ERRNO COMMAND [ARGUMENT...]\n");
                return 2;
        }
        filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        for (int i = 0; i < n; i++)
                filter[i + 1] = (struct sock_filter)BPF_JUMP(
                        BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], (unsigned char)(n - i), 0);
        filter[n + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
        filter[n + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (number & SECCOMP_RET_DATA));
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0) {
                fprintf(stderr, "refuse-sysv: %s\n", strerror(errno));
                return 1;
        }
        execvp(argv[2], argv + 2);
        fprintf(stderr, "refuse-sysv: %s: %s\n", argv[2], strerror(errno));
        return 127;
}
