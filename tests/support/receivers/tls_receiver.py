"""A receiver that speaks TLS on blocking sockets, in a thread: it tells its refusals as OpenSSL does.

asyncio's own server closes the connection instead, without the alert that says why.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_CONTENT: Final = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


@contextmanager
def tls_receiver(context: ssl.SSLContext) -> Iterator[int]:
    """Accept one message per connection, as long as the context lasts; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=_serve, args=(listening, context))
        serving.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            serving.join()


def _serve(listening: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            calling, _ = listening.accept()
        except OSError:
            return
        with contextlib.suppress(OSError), calling:
            calling.settimeout(5)
            _answer(calling, context)


def _answer(calling: socket.socket, context: ssl.SSLContext) -> None:
    with context.wrap_socket(calling, server_side=True, do_handshake_on_connect=False) as secured:
        try:
            secured.do_handshake()
        except ssl.SSLError:
            _wait_for_end(secured)  # closed at once, the connection would be reset before the alert was read
            return
        received = b""
        while b"\r\n\r\n" not in received:
            part = secured.recv(65536)
            if not part:  # a caller that only looks
                return
            received += part
        secured.sendall(NO_CONTENT)
        _wait_for_end(secured)


def _wait_for_end(calling: socket.socket) -> None:
    calling.shutdown(socket.SHUT_WR)
    while socket.socket.recv(calling, 65536):
        pass
