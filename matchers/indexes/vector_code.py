"""Three operations that numba lacks, as LLVM instructions: prefetch, bit count, and the comparison
of sixteen codes at once. LLVM turns them into what the processor has (AVX-512, AVX2, NEON)."""

# numba and llvmlite have no types: the whole file is theirs. numba's cache looks at the file of the
# kernel alone: after a change here, kernels.py must be newer too, or old code goes on running.
# pyright: basic

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

LANES = 16


@intrinsic
def bit_count(typing_context, value):
    """Bits set in a uint64."""

    def emit(context, builder, signature, arguments):
        return builder.call(
            builder.module.declare_intrinsic("llvm.ctpop", [ir.IntType(64)]), arguments
        )

    return types.uint64(types.uint64), emit


@intrinsic
def prefetch(typing_context, address):
    """Ask for the cache line at an address (uint64). A wrong address does no harm."""

    def emit(context, builder, signature, arguments):
        pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        function = _declared(
            builder.module, "llvm.prefetch.p0", ir.VoidType(), [pointer] + [i32] * 3
        )
        read, keep, data = i32(0), i32(3), i32(1)
        builder.call(function, [builder.inttoptr(arguments[0], pointer), read, keep, data])
        return context.get_dummy_value()

    return types.void(types.uint64), emit


def _within(planes):
    """Make `within(address, stride, q0, q1, q2, limit) -> bits`.

    Reads `planes` runs of sixteen uint32, `stride` bytes apart, the first at `address`; bit i of
    the result says that lane i differs from the queries in at most `limit` bits over all planes.
    """

    def within(typing_context, address, stride, q0, q1, q2, limit):
        def emit(context, builder, signature, arguments):
            address, stride, *queries, limit = arguments
            i32 = ir.IntType(32)
            lanes = ir.VectorType(i32, LANES)
            count = _declared(builder.module, "llvm.ctpop.v16i32", lanes, [lanes])

            def spread(scalar):
                one = builder.insert_element(ir.Constant(lanes, ir.Undefined), scalar, i32(0))
                return builder.shuffle_vector(
                    one, ir.Constant(lanes, ir.Undefined), ir.Constant(lanes, [0] * LANES)
                )

            distance = None
            for query in queries[:planes]:
                codes = builder.load(builder.inttoptr(address, lanes.as_pointer()))
                codes.align = 4
                bits = builder.call(count, [builder.xor(codes, spread(query))])
                distance = bits if distance is None else builder.add(distance, bits)
                address = builder.add(address, stride)
            near = builder.icmp_unsigned("<=", distance, spread(limit))
            return builder.zext(builder.bitcast(near, ir.IntType(LANES)), ir.IntType(64))

        word = types.uint32
        return types.uint64(types.uint64, types.uint64, word, word, word, word), emit

    return intrinsic(within)


def _declared(module, name, result, parameters):
    known = module.globals.get(name)
    return known or ir.Function(module, ir.FunctionType(result, parameters), name)


within_2_planes = _within(2)
within_3_planes = _within(3)
