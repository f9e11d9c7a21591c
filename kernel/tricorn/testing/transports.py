"""What the kernel relies on in the transports of a loop, beyond what asyncio's documentation promises."""

from __future__ import annotations

import asyncio
import socket
import struct

from tricorn.testing.ends import CHUNK, Recorder, connection, exchange, in_thread, receive_all
from tricorn.testing.suite import Suite


class TransportChecks(Suite):
    """The part of `LoopSuite` about transports: writing, reading, and handing a connection over."""

    kind = "loop"

    # --- writing --------------------------------------------------------------------------------------------------

    async def check_writes_arrive_complete_and_in_order(self) -> None:
        """Small and large, bytes and other buffers, more than fits anywhere, closed right behind the last one."""
        async with connection() as (server, client):
            parts: list[bytes | bytearray | memoryview] = [
                b"head",
                CHUNK * 20,
                b"",
                bytearray(b"middle"),
                memoryview(CHUNK * 20),
                b"end",
            ]
            for part in parts:
                server.transport.write(part)
            server.transport.close()
            assert server.transport.is_closing()
            assert await receive_all(client) == b"".join(parts)
            await server.until(lambda: server.lost)

    async def check_pieces_written_together_arrive_in_order(self) -> None:
        """Behind what waits already, more than fits anywhere, closed right behind the last one."""
        async with connection() as (server, client):
            server.transport.write(CHUNK * 20)
            server.transport.writelines((b"head", CHUNK * 20, b"end"))
            server.transport.writelines([b"more"])
            server.transport.close()
            assert await receive_all(client) == b"".join((CHUNK * 20, b"head", CHUNK * 20, b"endmore"))
            await server.until(lambda: server.lost)

    async def check_a_slow_peer_pauses_writing(self) -> None:
        """`pause_writing` comes from `write` itself: it is all that bounds the memory of a response."""
        async with connection() as (server, client):
            transport = server.transport
            transport.set_write_buffer_limits(high=len(CHUNK))
            written = 0
            while not server.paused:
                transport.write(CHUNK)
                written += len(CHUNK)
                assert written <= 1 << 28, "256 MiB were written and writing was not paused"
            full = transport.get_write_buffer_size()
            assert full > len(CHUNK)
            reading = asyncio.ensure_future(receive_all(client))
            await server.until(lambda: not server.paused)
            assert transport.get_write_buffer_size() < full
            transport.close()
            assert await reading == CHUNK * (written // len(CHUNK))

    async def check_write_eof_closes_one_direction(self) -> None:
        """The last bytes still leave, and the peer may go on sending."""
        async with connection(keep_open=True) as (server, client):
            assert server.transport.can_write_eof()
            server.transport.write(CHUNK)
            server.transport.write_eof()
            assert await receive_all(client) == CHUNK
            await in_thread(client.sendall, b"more")
            await server.until(lambda: server.received == b"more")

    async def check_abort_drops_what_is_unsent(self) -> None:
        """Nobody waits for a peer that does not read."""
        async with connection() as (server, _):
            server.transport.set_write_buffer_limits(high=0)
            while not server.paused:
                server.transport.write(CHUNK * 16)
            server.transport.abort()
            await server.until(lambda: server.lost)

    async def check_the_socket_takes_options(self) -> None:
        """With SO_LINGER at zero closing resets the connection, which tells the client that something is missing."""
        async with connection() as (server, client):
            sock = server.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.transport.close()
            try:
                await receive_all(client)
            except ConnectionResetError:
                return
            raise AssertionError("the peer saw an orderly end")

    # --- reading --------------------------------------------------------------------------------------------------

    async def check_paused_reading_delivers_nothing_and_loses_nothing(self) -> None:
        """Nor more than what was read already: backpressure reaches the client through the socket."""
        async with connection() as (server, client), connection() as (other, other_client):
            server.on_data = lambda data: server.transport.pause_reading()
            await in_thread(client.sendall, b"first")
            await server.until(lambda: bool(server.received))
            await in_thread(client.sendall, b"second")
            # What arrived later on another connection has been read: the loop has looked at the sockets since.
            await exchange(other, other_client)
            await exchange(other, other_client)
            assert server.received == b"first"
            server.on_data = None
            server.transport.resume_reading()
            await server.until(lambda: server.received == b"firstsecond")

    async def check_reading_can_be_paused_and_resumed_in_one_turn(self) -> None:
        """The kernel may do so within `data_received`."""

        def toggle(data: bytes) -> None:
            server.transport.pause_reading()
            server.transport.resume_reading()

        async with connection() as (server, client):
            server.on_data = toggle
            await in_thread(client.sendall, CHUNK)
            await server.until(lambda: len(server.received) == len(CHUNK))
            assert server.received == CHUNK

    async def check_a_half_closed_connection_can_be_answered(self) -> None:
        """The peer has sent all it has to say, and `eof_received` returned True."""
        async with connection(keep_open=True) as (server, client):
            await in_thread(client.sendall, b"request")
            client.shutdown(socket.SHUT_WR)
            await server.until(lambda: server.eof)
            assert server.received == b"request"
            assert not server.lost
            server.transport.write(CHUNK)
            server.transport.close()
            assert await receive_all(client) == CHUNK
            await server.until(lambda: server.lost)

    async def check_the_end_of_input_closes_otherwise(self) -> None:
        """`eof_received` returned False; what was written still leaves."""
        async with connection() as (server, client):
            server.on_data = lambda data: server.transport.write(data)
            await in_thread(client.sendall, CHUNK)
            client.shutdown(socket.SHUT_WR)
            assert await receive_all(client) == CHUNK
            await server.until(lambda: server.lost)
            assert server.eof

    async def check_a_reset_loses_the_connection(self) -> None:
        """Without an end of input before it. Closing what is gone is harmless; the kernel writes nothing more to it."""
        async with connection() as (server, client):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            await server.until(lambda: server.lost)
            assert not server.eof
            assert server.transport.is_closing()
            server.transport.close()
            server.transport.abort()

    async def check_another_protocol_takes_over(self) -> None:
        """An HTTP connection becomes another one; `set_protocol` may be called within `data_received`."""
        async with connection() as (server, client):
            heir = Recorder()
            server.on_data = lambda data: server.transport.set_protocol(heir)
            await in_thread(client.sendall, b"upgrade")
            await server.until(lambda: bool(server.received))
            assert server.transport.get_protocol() is heir
            await in_thread(client.sendall, b"frames")
            await heir.until(lambda: heir.received == b"frames")
            assert server.received == b"upgrade"
            client.shutdown(socket.SHUT_WR)
            await heir.until(lambda: heir.lost)
            assert heir.eof
            assert not server.lost
            server.lost = True

    async def check_pending_bytes_reach_the_protocol_that_took_over(self) -> None:
        """They arrived while reading was paused, before the hand-over."""
        async with connection() as (server, client), connection() as (other, other_client):
            server.on_data = lambda data: server.transport.pause_reading()
            await in_thread(client.sendall, b"upgrade")
            await server.until(lambda: bool(server.received))
            await in_thread(client.sendall, b"frames")
            await exchange(other, other_client)
            heir = Recorder()
            server.transport.set_protocol(heir)
            server.transport.resume_reading()
            await heir.until(lambda: heir.received == b"frames")
            assert server.received == b"upgrade"
            server.transport.abort()
            await heir.until(lambda: heir.lost)
            server.lost = True
