# The types of what `compiling.py` joins: see its docstring. What is `cpdef` is called from outside the module too.
cimport cython

cdef int HEAD, LENGTH, CHUNKED, SERVING, TUNNEL, LINGER
cdef int IDLE, HELD, SENT, TRAILERS, DONE
cdef int DATE, SERVER, CLOSE, FRAMED
cdef Py_ssize_t BODY_LIMIT, SHARED_BODY_LIMIT, PIECE, BACKLOG_LIMIT, DRAIN_LIMIT, LARGE, GATHER_LIMIT
cdef long long CHUNKED_BODY
cdef dict STATUS_LINES, size_lines, known_targets, _METHODS
cdef set known_hosts, plain_names

cpdef dict http_scope(object settings, object state, Http1Stream stream, Head head, object path_prefix)
cdef object open_request(Shared kernel, Http1Stream stream, Head head)
cpdef object check_host(bytes value)
cpdef object check_controls(bytes head, Py_ssize_t line_ends)

cdef class Recall:
    cdef dict _requests, _fields
    cdef object request, field
    cpdef object consult(self, object read_head, bytes head, list lines, list known)

cdef class Shared:
    cdef object kernel, access, app, create_task, due, hold, limit_body, limit_concurrency, loop, root_path, settings
    cdef object state, timeout_body, timeout_head, ws
    cdef set calls, connections
    cdef dict prefixes
    cdef double keep_alive
    cdef Py_ssize_t head_lines, head_small
    cdef Recall recall

cdef class Head:
    cdef public str method, version
    cdef public bytes target, protocol
    cdef public object headers
    cdef public bint expects, complete, proxied

cdef class FieldTable:
    cdef object _render
    cdef dict _known, _lengths
    cpdef object length(self, object length)
    cpdef object _declared(self, object name, object value)
    cpdef object _remember_length(self, object key, object length)
    cpdef object _examine(self, object name, object value, list rendered)

cdef class Gathering:
    cdef Shared _kernel
    cdef object _transport, _write
    cdef bytes _backlog
    cdef list _gathered
    cdef Py_ssize_t _gathered_size, _gather_seen
    cpdef object _gather(self, bytes data, bint end)
    cpdef object _gather_chunk(self, bytes chunk)
    cpdef object _release(self)

cdef class Http1Stream(Gathering):
    cdef public object client, server, peer
    cdef public bint secure, congested
    cdef public double deadline
    cdef object _receiver, _tunnel
    cdef bytearray _partial
    cdef list _waiters
    cdef int _state, _minor
    cdef Py_ssize_t _backlog_start, _unwritten
    cdef long long _left, _drain
    cdef bint _framed, _fresh, _expects, _persistent, _plain, _chunked, _sent, _paused, _eof
    cpdef object send_head(self, int status, list fields, int flags, bytes data, bint end)
    cpdef bytes _describe(self, list fields, int flags, bytes data, bint end)
    cpdef object send_data(self, bytes data, bint end)
    cpdef object pause_reading(self)
    cpdef object resume_reading(self)
    cpdef object blocked(self)
    cpdef object _go_on(self)
    cpdef object _finish(self)
    cpdef object _refuse(self, object refusal)
    cpdef object _linger(self)
    cpdef object abort(self)

cdef class Http1Connection(Http1Stream):
    cdef object _codec, _read_head, _chunks
    cdef Head _head
    cdef bint _blank
    cpdef object data_received(self, data)
    @cython.locals(size=Py_ssize_t, state=int, end=Py_ssize_t)
    cpdef object _read(self, bytes data, Py_ssize_t position)
    @cython.locals(lines=list, minor=int, fields=dict, length=object)
    cpdef object _open(self, bytes head)
    cpdef Py_ssize_t _read_length(self, bytes data, Py_ssize_t position, Py_ssize_t size) except? -1
    cpdef object _feed(self, bytes body)
    cpdef object _end_body(self)
    cpdef object _be_idle(self)
    cpdef object _keep_partial(self, bytes data)
    cpdef object _continue_head(self, bytes data)
    cpdef object _skip_blank(self)
    cpdef object _wait(self, bytes data)
    cpdef object _end_early(self)

cdef class Exchange:
    cdef Shared _kernel
    cdef Http1Stream _stream
    cdef public object scope, task
    cdef list _chunks, _waiters, _trailers
    cdef list _fields
    cdef Py_ssize_t _size
    cdef object _left
    cdef long long _received
    cdef int _phase, _status, _flags
    cdef bint _bodyless, _complete, _consumed, _eof, _expects, _gone, _paused
    cpdef object start(self)
    cpdef object feed(self, bytes data)
    cpdef object end(self)
    cpdef object half_close(self)
    cpdef object disconnect(self)
    cpdef object _wake(self)
    cpdef object _next_body(self)
    cpdef object _hold(self, event)
    cpdef object flush(self)
    cpdef object _send_body(self, bytes data, bint end, int phase)
    cpdef object _send_head(self, bytes data, bint end)
    cpdef object fail(self)
