/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One try at an operation: what operations.c does first, and again each time when it may have become possible. */
#pragma once

#include "operations.h"

/* 0, -EAGAIN (would block: the Error may say why), or why it failed. */
int operation_attempt(Target *target, const OperationRequest *request, OperationResult *result, Error *error);
/* TimedOut, worded for the case; takes what the last attempt said in the Error into account. */
int operation_timed_out(const Target *target, const OperationRequest *request, Error *error);

/* While one call sends to a stream bit by bit, it is its turn alone. The turn goes by the address of the result. */
void operation_move_turn(const Target *target, const void *from, const void *to);
void operation_give_up_turn(const Target *target, const OperationRequest *request, const OperationResult *result);
