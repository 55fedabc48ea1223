/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a peer of the checks of dbus can be told to do (peer-call.h), and the bus that they meet on.
 *
 *   connect text=address: text is the unique name | disconnect
 *   own text=name a=flags of sd_bus_request_name() | release text=name | owner text=name: text is who has it
 *   call a=value b=msec c=auto-start text="NAME MEMBER": x the answer, y usec that it took, text the error's name
 *   post a=value b=forge text="NAME MEMBER": the same, and no answer is wanted; b: it says that the bus sends it
 *   ask a=value text="NAME MEMBER": does not wait for the answer | heard a=how many b=msec: x how many answers came,
 * text their values or errors in the order in which they came
 *   wait a=how many b=msec: until so many messages came | answer a=which: of those, from 0
 *   match text=rule | unmatch text=rule: text the error's name | monitor: becomes one | emit a=value text=member |
 * next a=msec: x the value, text "TYPE SENDER MEMBER" count a=msec: how many messages came, looked at for as long
 *   serve a=how many calls b=msec: answers each with its value and one more; result: how many came
 *   credentials text=unique: x pid, y uid
 *   give a=how many text=name: descriptors of one open file, as one message; y whether the bus is still there
 *   take a=msec: of the last message; x its offset, then a byte is written; y how many descriptors it had
 *   offset: of the file that give() gave
 *   big a=bytes text=name: a message of so many; y whether the bus is still there
 *   flood a=bytes b=how many text=name: messages of so many, until the bus has all
 *   types text=name | types-seen a=msec: text is what came */
#pragma once

#include "check.h"
#include "dbus-daemon.h"

int dbus_peer_role(CheckPeer *peer);

#define DBUS_CHECK_PATH      "/org/ipcbus1/check"
#define DBUS_CHECK_INTERFACE "org.ipcbus1.Check"

/* Each type of the D-Bus Specification once. */
#define DBUS_CHECK_SIGNATURE "ybnqiuxtdsogasa(iv)a{sv}"
#define DBUS_CHECK_VALUES                                                                                 \
        "255 true -32768 65535 -2147483648 4294967295 -9223372036854775808 18446744073709551615 0.5 "     \
        "\"with \\\"quotes\\\" and \\\\ and\\nlines\" \"/a/b\" \"a{sv}\" 2 \"x\" \"\" 1 7 s \"inner\" 1 " \
        "\"key\" ai 3 1 2 3"
