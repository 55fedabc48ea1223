/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names that the service, the worker and the client share: bus name, paths, interfaces, errors and exit
 * codes. Each list stands once, here. */
#pragma once

#define IPCBUS_BUS_NAME    "org.ipcbus1"
#define IPCBUS_PATH        "/org/ipcbus1"
#define IPCBUS_OBJECT_PATH IPCBUS_PATH "/object"
#define IPCBUS_JOB_PATH    IPCBUS_PATH "/job"

#define IPCBUS_INTERFACE_MANAGER       "org.ipcbus1.Manager"
#define IPCBUS_INTERFACE_KERNEL_OBJECT "org.ipcbus1.KernelObject"
#define IPCBUS_INTERFACE_MEMORY        "org.ipcbus1.Memory"
#define IPCBUS_INTERFACE_SEMAPHORE     "org.ipcbus1.Semaphore"
#define IPCBUS_INTERFACE_MESSAGE_QUEUE "org.ipcbus1.MessageQueue"
#define IPCBUS_INTERFACE_STREAM        "org.ipcbus1.Stream"
#define IPCBUS_INTERFACE_DATAGRAM      "org.ipcbus1.Datagram"
#define IPCBUS_INTERFACE_SIGNALS       "org.ipcbus1.Signals"
#define IPCBUS_INTERFACE_JOB           "org.ipcbus1.Job"

#define IPCBUS_ERROR_PREFIX "org.ipcbus1.Error."

/* What ipcctl exits with. `run` gives its command's status instead. */
typedef enum ExitCode {
        EXIT_CODE_DONE = 0,
        EXIT_CODE_FAILED = 1,
        EXIT_CODE_USAGE = 2,
        EXIT_CODE_REFUSED = 3,
        EXIT_CODE_NOT_SUPPORTED = 4,
        EXIT_CODE_CLAIM_FAILED = 5,
        EXIT_CODE_TIMED_OUT = 6,
} ExitCode;

/* X(symbol, name on the bus, errno, exit code of ipcctl). The errno goes both ways: what a function returns beside
 * its Error, and, for the first entry that has it, what a bare errno of the kernel is named. */
#define IPCBUS_ERRORS(X)                                                      \
        X(FAILED, "Failed", EIO, EXIT_CODE_FAILED)                            \
        X(NO_SUCH_KIND, "NoSuchKind", ENODEV, EXIT_CODE_USAGE)                \
        X(NO_SUCH_OBJECT, "NoSuchObject", ENOENT, EXIT_CODE_FAILED)           \
        X(NO_SUCH_JOB, "NoSuchJob", ESRCH, EXIT_CODE_FAILED)                  \
        X(NOT_SUPPORTED, "NotSupported", EOPNOTSUPP, EXIT_CODE_NOT_SUPPORTED) \
        X(NOT_PERMITTED, "NotPermitted", EACCES, EXIT_CODE_REFUSED)           \
        X(EXISTS, "Exists", EEXIST, EXIT_CODE_FAILED)                         \
        X(TIMED_OUT, "TimedOut", ETIMEDOUT, EXIT_CODE_TIMED_OUT)              \
        X(LIMIT_EXCEEDED, "LimitExceeded", EDQUOT, EXIT_CODE_REFUSED)         \
        X(PEER_GONE, "PeerGone", EPIPE, EXIT_CODE_FAILED)                     \
        X(INVALID_ADDRESS, "InvalidAddress", EDESTADDRREQ, EXIT_CODE_USAGE)   \
        X(INVALID_OPTION, "InvalidOption", EINVAL, EXIT_CODE_USAGE)           \
        X(BUSY, "Busy", EBUSY, EXIT_CODE_FAILED)                              \
        X(CANCELLED, "Cancelled", ECANCELED, EXIT_CODE_FAILED)
