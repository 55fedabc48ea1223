# SPDX-License-Identifier: LGPL-2.1-or-later
# Run on a private bus: what ipcctl sends to a foreign stream socket, or receives from one, goes over one connection and
# arrives whole. A server that takes a single connection sees the rest of a second one as lost.
import os
import socket
import subprocess
import sys
import threading

SIZE = 3_000_000


def serve(listener, give, result):
    connection, _ = listener.accept()
    connection.settimeout(20)
    with connection:
        if give:
            connection.sendall(give)
            return
        while part := connection.recv(65536):
            result.append(part)


def run(name, give, arguments, data):
    path = os.path.join(os.environ["IPCBUS_PLACE"], name)
    result = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(5)
        listener.settimeout(20)
        server = threading.Thread(target=serve, args=(listener, give, result), daemon=True)
        server.start()
        verb, *rest = arguments
        client = subprocess.run(["ipcctl", verb, f"unix-stream:{path}", *rest], input=data, stdout=subprocess.PIPE,
                                timeout=30, check=False)
        server.join(20)
    if client.returncode != 0:
        sys.exit(f"{name}: ipcctl ended with {client.returncode}")
    return client.stdout, b"".join(result)


payload = os.urandom(SIZE)
_, taken = run("send", None, ["send", "-"], payload)
if taken != payload:
    sys.exit(f"send: of {SIZE} bytes {len(taken)} came in one connection")
for extra in ([], ["--size", "4K"], ["--connect"]):
    received, _ = run("receive" + "".join(extra).replace("-", ""), payload, ["receive", "--follow", *extra], b"")
    if received != payload:
        sys.exit(f"receive {extra}: of {SIZE} bytes {len(received)} were received")
print("sent and received whole")
