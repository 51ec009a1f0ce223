"""Handing rows of a compiled kernel over to another thread, without the interpreter.

A call through a queue takes ten microseconds, most of them spent on taking turns at the lock of the
interpreter: as long as a small kernel takes to run. Here the one who calls writes the address and
the arguments of a compiled function into a mailbox, and a thread that looks into it, in compiled
code as well, calls that function at once. A thread that has looked in vain for a while goes away to
sleep; nothing can be handed over to it before it is woken up through a queue.
"""

from functools import cache

import numpy as np
from llvmlite import ir
from numba import types, void
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload

from ._compile import cpu_kernel, distinguish

STATE, RESULT, BEGUN, DONE, FUNCTION, ARGUMENTS = 0, 8, 16, 24, 32, 40
"""Where a mailbox has what, in numbers of eight bytes: what different threads write lies in cache
lines of its own. BEGUN and DONE count the calls through the queue."""

CAPACITY = 512
"""Numbers of eight bytes that the arguments of a call may take."""

MAILBOX = ARGUMENTS + CAPACITY
"""Length of a mailbox."""

AWAY, LOOKING, POSTED = 0, 1, 2
"""States of a mailbox: nobody looks, somebody does, and there is a call that is not done yet."""

LOOKS = 500_000
"""How often a thread looks for what it waits for before it sleeps: fifty microseconds or more."""

LOOKS_FOR_CALLS = 2_000_000
"""How often it looks for something to do: half a millisecond or more. To wake it up may take so
long that the one who has woken it is asleep by then."""

GRACE = 60_000
"""How often it looks until the other thread has let go of the interpreter: some microseconds."""


def _pointer(context, builder, signature, arguments):
    """Point to a number of an array of mailboxes, which are the first two arguments."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


@intrinsic
def look(typing_context, mailboxes, place):
    """Read a number from memory, whatever was read before."""

    def code(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        return builder.load_atomic(pointer, ordering="acquire", align=8)

    return types.int64(mailboxes, types.intp), code


@intrinsic
def write(typing_context, mailboxes, place, value):
    """Write a number to memory, after everything written before."""

    def code(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], pointer, ordering="release", align=8)

    return void(mailboxes, types.intp, types.int64), code


@intrinsic
def take(typing_context, mailboxes, place):
    """Add 1 to a number, which no other thread can do meanwhile; return what it was."""

    def code(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        one = context.get_constant(types.int64, 1)
        return builder.atomic_rmw("add", pointer, one, "acq_rel")

    return types.int64(mailboxes, types.intp), code


@intrinsic
def replace(typing_context, mailboxes, place, known, value):
    """Replace a number if it is the one known, which no other thread can do meanwhile.

    Returns whether it was.
    """

    def code(context, builder, signature, arguments):
        pointer = _pointer(context, builder, signature, arguments)
        outcome = builder.cmpxchg(pointer, *arguments[2:], "acq_rel", "acquire")
        return builder.extract_value(outcome, 1)

    return types.boolean(mailboxes, types.intp, types.int64, types.int64), code


def _number(result):
    """Turn what a kernel returns into a number that can be added: nothing counts as 0."""


@overload(_number)
def _compiled_number(result):
    """Give what compiled code calls."""
    if isinstance(result, types.NoneType):
        return lambda result: 0
    if isinstance(result, types.Float):
        return lambda result: np.float64(result)
    return lambda result: np.int64(result)


@intrinsic
def _as_bits(typing_context, number):
    """Turn a number into the integer of the same bits."""

    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(number), code


@intrinsic
def _from_bits(typing_context, bits, other):
    """Turn an integer into the number of the same bits and of another number's type."""

    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return other(types.int64, other), code


@cache
def _make_loaded(arguments):
    """Make what reads arguments of some types from the place that they were written to."""

    @intrinsic
    def loaded(typing_context, place):
        def code(context, builder, signature, values):
            target = context.get_value_type(arguments).as_pointer()
            value = builder.load(builder.inttoptr(values[0], target))
            return impl_ret_borrowed(context, builder, arguments, value)

        return arguments(types.intp), code

    return loaded


@intrinsic
def _describe(typing_context, mailboxes, place, kernel, arguments):
    """Write into a mailbox which kernel to call, with which arguments."""
    loaded, called = _make_loaded(arguments), kernel.dispatcher

    def part(place):
        return _as_bits(_number(called(*loaded(place))))

    # Its only argument is of the same type for every kernel.
    distinguish(part, arguments)

    def code(context, builder, signature, values):
        pointer = _pointer(context, builder, signature, values)
        size = context.get_abi_sizeof(context.get_value_type(arguments))
        if size > 8 * CAPACITY:
            raise ValueError(f"Arguments of {size} bytes; a mailbox has room for {8 * CAPACITY}.")
        function = _function(context, builder, part)
        at = [context.get_constant(types.intp, n) for n in (FUNCTION, ARGUMENTS)]
        builder.store(builder.ptrtoint(function, ir.IntType(64)), builder.gep(pointer, at[:1]))
        value = _without_owners(context, builder, arguments, values[3])
        builder.store(value, builder.bitcast(builder.gep(pointer, at[1:]), value.type.as_pointer()))

    return void(mailboxes, types.intp, kernel, arguments), code


def _without_owners(context, builder, arguments, value):
    """Let arrays forget who owns their memory.

    What counts their references may be gone before the other thread is done with them.
    """
    for place, kind in enumerate(arguments):
        if isinstance(kind, types.Array):
            make = context.make_array(kind)
            array = make(context, builder, builder.extract_value(value, place))
            array.meminfo = cgutils.get_null_value(array.meminfo.type)
            array.parent = cgutils.get_null_value(array.parent.type)
            value = builder.insert_value(value, array._getvalue(), place)
    return value


def _function(context, builder, part):
    """Compile ``part(place)`` as a function that a pointer to it is enough to call."""
    compiled = context.compile_subroutine(builder, part, types.int64(types.intp))
    body = context.declare_function(builder.module, compiled.fndesc)
    number = ir.IntType(64)
    name = builder.module.get_unique_name("part")
    function = ir.Function(builder.module, ir.FunctionType(number, [number]), name)
    function.linkage = "internal"
    inner = ir.IRBuilder(function.append_basic_block())
    # Kernels raise nothing, so that there is no status to look at.
    convention, types_of = context.call_conv, (types.intp,)
    _, result = convention.call_function(inner, body, types.int64, types_of, function.args)
    inner.ret(result)
    return function


@intrinsic
def _call(typing_context, mailboxes, place):
    """Call what a mailbox describes."""

    def code(context, builder, signature, arguments):
        number = ir.IntType(64)
        pointer = _pointer(context, builder, signature, arguments)
        at = [context.get_constant(types.intp, n) for n in (FUNCTION, ARGUMENTS)]
        address = builder.load(builder.gep(pointer, at[:1]))
        function = builder.inttoptr(address, ir.FunctionType(number, [number]).as_pointer())
        return builder.call(function, [builder.ptrtoint(builder.gep(pointer, at[1:]), number)])

    return types.int64(mailboxes, types.intp), code


@cpu_kernel()
def _answer(mailboxes, place):
    """Do what was posted."""
    mailboxes[place + RESULT] = _call(mailboxes, place)
    write(mailboxes, place + STATE, LOOKING)


@cpu_kernel()
def go_away(mailboxes, place):
    """Look no more; do first what has been posted since the last look."""
    while not replace(mailboxes, place + STATE, LOOKING, AWAY):
        _answer(mailboxes, place)


@cpu_kernel()
def report_and_look(mailboxes, place, served):
    """Say that a call through the queue is done, and look for the next one, and for posted ones.

    It is said from here, where the thread no longer holds the lock of the interpreter that the one
    who hears it will ask for. For the same reason a call through the queue is not taken up at once:
    who began it holds that lock until its own part has begun, and a thread that asks for it is put
    to sleep.
    """
    write(mailboxes, place + STATE, LOOKING)
    write(mailboxes, place + DONE, served)
    looks = 0
    while looks < LOOKS_FOR_CALLS and look(mailboxes, place + BEGUN) == served:
        looks += 1
        if look(mailboxes, place + STATE) == POSTED:
            _answer(mailboxes, place)
            looks = 0
    go_away(mailboxes, place)
    for _ in range(GRACE):
        look(mailboxes, place + BEGUN)


@cpu_kernel()
def wait_awake(mailboxes, place, known):
    """Wait, but not for long, until a number is another one than the one known.

    A thread that sleeps takes as long to wake up as a small kernel takes to run.
    """
    for _ in range(LOOKS):
        if look(mailboxes, place) != known:
            break


@cpu_kernel(inline=True)
def part_start(rows, parts, part):
    """Tell where a part of the rows starts, of so many parts as equal as may be."""
    return rows * part // parts


@cpu_kernel()
def add_answers(mailboxes, parts, total):
    """Add what other threads return to what this one had, once they are done.

    Returns
    -------
    total : int or float
        The sum.
    done : bool
        False if somebody takes too long to be waited for without sleep; nothing is added then.
    """
    for part in range(1, parts):
        looks = 0
        while look(mailboxes, MAILBOX * (part - 1) + STATE) == POSTED:
            looks += 1
            if looks == LOOKS:
                return total, False
    for part in range(1, parts):
        total += _from_bits(mailboxes[MAILBOX * (part - 1) + RESULT], total)
    return total, True


@cache
def make_handed_over(kernel):
    """Make the call of a kernel whose rows some threads share, all but one by their mailboxes.

    Parameters
    ----------
    kernel : callable
        A compiled kernel that raises nothing.

    Returns
    -------
    callable
        ``handed_over(mailboxes, parts, rows, arguments)`` calls ``kernel(*arguments, start, stop)``
        for so many parts of the rows, and returns what :func:`add_answers` does. A part whose
        thread has gone away is done here.
    """

    @cpu_kernel()
    def handed_over(mailboxes, parts, rows, arguments):
        for part in range(1, parts):
            place = MAILBOX * (part - 1)
            whole = arguments + (part_start(rows, parts, part), part_start(rows, parts, part + 1))
            _describe(mailboxes, place, kernel, whole)
            if not replace(mailboxes, place + STATE, LOOKING, POSTED):
                mailboxes[place + RESULT] = _as_bits(_number(kernel(*whole)))
        whole = arguments + (0, part_start(rows, parts, 1))
        return add_answers(mailboxes, parts, _number(kernel(*whole)))

    return handed_over


@cache
def is_on_disk(kernel):
    """Tell whether an earlier process has compiled how a kernel is handed over."""
    return make_handed_over(kernel)._cache.is_filled()


@cache
def make_turns(kernel):
    """Make the loop of threads beside each other: each takes the next rows until none are left.

    Parameters
    ----------
    kernel : callable
        A compiled kernel that returns a count.

    Returns
    -------
    callable
        ``turns(taken, size, rows, arguments)`` calls ``kernel(*arguments, start, stop)`` for parts
        of `size` of the `rows`, and returns the sum of what it returns; `taken` (1,) counts the
        parts taken.
    """

    @cpu_kernel()
    def turns(taken, size, rows, arguments):
        total, start = 0, take(taken, 0) * size
        while start < rows:
            whole = arguments + (start, min(start + size, rows))
            total += kernel(*whole)
            start = take(taken, 0) * size
        return total

    return turns
