"""Whether the interpreter is ending: asked of C, for a module's own globals may be gone by then."""

cdef extern from *:
    """
    #if PY_VERSION_HEX < 0x030D0000
    #define Py_IsFinalizing _Py_IsFinalizing
    #endif
    """
    bint is_finalizing "Py_IsFinalizing"() nogil
