# The types of what `compiling.py` joins: see its docstring. What is `cpdef` is called from outside the module too.
cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.string cimport memchr

cdef extern from "Python.h":
    object bound "PyMethod_New"(object function, object self)

cdef int HEAD, LENGTH, CHUNKED, SERVING, TUNNEL, LINGER
cdef int IDLE, HELD, SENT, TRAILERS, DONE
cdef int DATE, SERVER, CLOSE, FRAMED
cdef Py_ssize_t BODY_LIMIT, SHARED_BODY_LIMIT, PIECE, BACKLOG_LIMIT, DRAIN_LIMIT, LARGE, GATHER_LIMIT
cdef long long CHUNKED_BODY
cdef dict STATUS_LINES, size_lines, known_targets, _METHODS
cdef set known_hosts, plain_names
cdef FieldTable FIELDS
cdef tuple UNKNOWN
cdef object RECEIVE, SEND

cdef inline Py_ssize_t find_end(bytes data, Py_ssize_t position):
    """Where the empty line of a head is from a position on, or -1."""
    cdef const char *start = PyBytes_AS_STRING(data)
    cdef const char *place = start + position
    cdef Py_ssize_t left = PyBytes_GET_SIZE(data) - position - 3
    while left > 0:
        place = <const char *>memchr(place, 13, left)
        if place is NULL:
            return -1
        if place[1] == 10 and place[2] == 13 and place[3] == 10:
            return place - start
        place += 1
        left = PyBytes_GET_SIZE(data) - 3 - (place - start)
    return -1

@cython.locals(known=tuple)
cdef tuple request_line(Recall recall, bytes line)
@cython.locals(minor=int, persistent=bint, expects=bint)
cdef tuple make_section(tuple request, list headers, dict fields)
@cython.locals(place=Py_ssize_t)
cdef list known_fields(dict memory, list lines)
cdef bint all_true(list values) except -1
cdef dict dict_of(list pairs)
cdef bint all_in(dict names, set known) except -1
@cython.locals(exchange=Exchange)
cdef object start(object receiver)

@cython.locals(scope=dict)
cdef dict http_scope(object settings, dict state, Http1Stream stream, Head head, object path_prefix)
cdef object open_request(Shared kernel, Http1Stream stream, Head head)
@cython.locals(made=Sending)
cdef Sending _construct_Sending(Exchange exchange, object event)
@cython.locals(made=Exchange)
cdef Exchange _construct_Exchange(Shared kernel, Http1Stream stream, Head head, dict scope)
cdef dict _plain(object event)
cdef object check_controls(bytes head, Py_ssize_t line_ends)

@cython.final
cdef class Recall:
    cdef dict _requests, _fields
    cdef tuple _sections
    cdef Py_ssize_t _section_size
    cdef object request, field
    cdef object keep(self, dict sections, bytes block, tuple section)
    cdef tuple consult(self, object read_head, bytes head, list lines, list known)

@cython.final
cdef class Turn:
    cdef object _loop
    cdef list _held, _flushes
    cdef object hold(self, Exchange exchange)
    cdef object at_end(self, object flush)
    @cython.locals(held=list, exchange=Exchange)
    cpdef object _end(self)

@cython.final
cdef class Shared:
    cdef object kernel, access, addresses, app, create_task, due, limit_body, limit_concurrency, loop
    cdef object root_path, settings, timeout_body, timeout_head, ws
    cdef set calls, connections
    cdef dict prefixes, state, _live
    cdef bint eager
    cdef double keep_alive
    cdef Py_ssize_t head_lines, head_small
    cdef Recall recall
    cdef Turn turn

@cython.final
cdef class Head:
    cdef public str method, version
    cdef public bytes target, protocol
    cdef public object headers
    cdef public bint expects, complete, proxied

@cython.final
cdef class FieldTable:
    cdef object _render_field
    cdef dict _heads, _known, _lengths
    @cython.locals(rendered=list, fields=tuple, head=tuple)
    cpdef tuple render(self, object headers)
    @cython.locals(rendered=list, flags=int, repeated=bint)
    cdef tuple _render_each(self, object headers)
    cpdef object length(self, object length)
    cdef object _declared(self, object name, object value)
    cdef object _remember_length(self, object key, object length)
    cdef int _examine(self, object name, object value, list rendered) except -1

cdef class Gathering:
    cdef Shared _kernel
    cdef object _transport, _write
    cdef bytes _backlog
    cdef list _gathered
    cdef Py_ssize_t _gathered_size, _gather_seen
    cdef object _gather(self, bytes data, bint end)
    cdef object _gather_chunk(self, bytes chunk)
    cpdef object _release(self)

cdef class Http1Stream(Gathering):
    cdef public object client, server, peer
    cdef public bint secure, congested
    cdef public double deadline
    cdef readonly FieldTable fields
    cdef readonly bint multiplexed
    cdef object _receiver, _tunnel
    cdef bytearray _partial
    cdef list _waiters
    cdef int _state, _minor
    cdef Py_ssize_t _backlog_start, _unwritten
    cdef long long _left, _drain
    cdef bint _framed, _fresh, _expects, _persistent, _plain, _chunked, _sent, _paused, _eof
    @cython.locals(prefix=bytes)
    cpdef object send_head(self, int status, list fields, int flags, bytes data, bint end)
    cdef bytes _describe(self, list fields, int flags, bytes data, bint end)
    cpdef object send_data(self, bytes data, bint end)
    cpdef object pause_reading(self)
    cpdef object resume_reading(self)
    cpdef object _await_body(self)
    cpdef object blocked(self)
    cpdef object _go_on(self)
    cdef object _finish(self)
    cdef object _refuse(self, object refusal)
    cdef object _linger(self)
    cpdef object abort(self)

@cython.final
cdef class Http1Connection(Http1Stream):
    cdef object _codec, _read_head, _chunks
    cdef bint _blank
    @cython.locals(size=Py_ssize_t, state=int, end=Py_ssize_t)
    cdef object _read(self, bytes data, Py_ssize_t position)
    @cython.locals(line=bytes, block=bytes, minor=int, sections=dict, section=tuple, request=Head, headers=list, persistent=bint)
    cdef object _open(self, bytes head)
    @cython.locals(lines=list, known=tuple, headers=list, fields=dict, section=tuple, repeated=bint)
    cdef tuple _read_lines(self, bytes head, bytes block)
    cdef Py_ssize_t _read_length(self, bytes data, Py_ssize_t position, Py_ssize_t size) except? -1
    cdef object _feed(self, bytes body)
    cdef object _end_body(self)
    cdef object _be_idle(self)
    cdef object _keep_partial(self, bytes data)
    cdef object _continue_head(self, bytes data)
    cdef object _skip_blank(self)
    cdef object _wait(self, bytes data)
    cdef object _end_early(self)

@cython.final
@cython.freelist(64)
cdef class Exchange:
    cdef Shared _kernel
    cdef Http1Stream _stream
    cdef public object task
    cdef readonly dict scope
    cdef list _chunks, _waiters, _trailers, _fields
    cdef Py_ssize_t _size
    cdef object _left
    cdef long long _received
    cdef int _phase, _status, _flags
    cdef bint _bodyless, _complete, _consumed, _eof, _expects, _gone, _paused
    cdef object _construct(self, Shared kernel, Http1Stream stream, Head head, dict scope)
    cpdef object start(self)
    cpdef object feed(self, bytes data)
    cpdef object end(self)
    cpdef object half_close(self)
    cpdef object disconnect(self)
    cdef object _wake(self)
    cdef dict _next_body(self)
    cpdef object _send(self, dict event)
    cdef object _hold(self, dict event)
    cdef object flush(self)
    cdef object _send_body(self, bytes data, bint end, int phase)
    cdef object _send_head(self, bytes data, bint end)
    cdef object _send_extension(self, object kind, dict event, int phase)
    cdef object _send_trailers(self, dict event)
    cdef object _out_of_order(self, object kind, int phase)
    cdef object fail(self)

@cython.final
@cython.freelist(64)
cdef class Sending:
    cdef Exchange _exchange
    cdef object _event, _rest
    cdef bint _begun
    cdef object _construct(self, Exchange exchange, object event)
    cdef object _driven(self)
