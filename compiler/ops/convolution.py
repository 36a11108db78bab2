"""Convolution and pooling of images `[B, C, H, W]` and sequences `[B, C, T]`."""

from __future__ import annotations

from .. import dims
from ..dims import Size, product
from ..ir import Attrs
from ..types import TensorType
from .checks import need_float, need_param, need_rank, need_sizes, place, same_dtype, show, slot
from .positions import leads
from .products import bound, wanted
from .table import Arg, Implicit, Op, ShapeError, Types, Work, traffic

FORMS = {1: "a sequence [B, C, T]", 2: "an image [B, C, H, W]"}


def _windows(op: str, x: TensorType, kernel: tuple[Size, ...], attrs: Attrs) -> tuple[Size, ...]:
    """How many places a kernel finds along each axis: `floor((n + 2 padding - dilation (k - 1) - 1) / stride) + 1`."""
    count = len(kernel)
    dilation = attrs.get("dilation", (1,) * count)
    found = []
    for size, k, stride, padding, step in zip(x.shape[-count:], kernel, attrs["stride"], attrs["padding"], dilation):
        if stride < 1 or padding < 0 or step < 1 or (isinstance(k, int) and k < 1):
            raise ShapeError(f"`{op}` needs a kernel, stride and dilation of at least 1, and no negative padding", 0)
        over = size + 2 * padding - step * (k - 1) - 1
        if isinstance(over, int) and over < 0:
            raise ShapeError(f"the kernel of `{op}`, {k} wide, does not fit in {show(x)}", 0, hint="give it `padding=`")
        found.append(dims.floor_divide(over, stride) + 1)
    return tuple(found)


def _conv(count: int) -> Op:
    name = f"conv{count}d"

    def infer(types: Types, attrs: Attrs) -> TensorType:
        x, weight = types[0], types[1]
        need_float(name, types)
        need_sizes(name, attrs["groups"], least=1)
        need_rank(name, types, 0, count + 2, form=FORMS[count])
        need_rank(name, types, 1, count + 2, form="a weight [out, in / groups, kernel...]")
        groups = attrs["groups"]
        channels = dims.divide(x.shape[1], groups)
        if channels is None or dims.divide(weight.shape[0], groups) is None:
            message = f"{groups} groups do not divide the channels of {show(x)} and of the weight {show(weight)}"
            raise ShapeError(message, 0, 1)
        if weight.shape[1] != channels:
            wanted_shape = f"[out, {channels}, kernel...]"
            raise ShapeError(f"`{name}` needs a weight {wanted_shape} for {show(x)}, not {show(weight)}", 0, 1)
        same_dtype(name, types)
        if slot(types, attrs, "bias") is not None:
            need_param(name, "bias", types, place(attrs, "bias"), (weight.shape[0],))
        return x.with_shape(x.shape[0], weight.shape[0], *_windows(name, x, weight.shape[2:], attrs))

    def implicit(types: Types, attrs: Attrs) -> tuple[Implicit, ...]:
        need_rank(name, types, 0, count + 2, form=FORMS[count])
        given = types[1].shape if len(types) > 1 and types[1].rank == count + 2 else None
        channels, kernel = attrs.get("channels"), attrs.get("kernel")
        if given is None and (channels is None or kernel is None):
            raise ShapeError(f"`{name}` needs its channels and its kernel, or a weight", 0, hint=f"write `{name}(64, 3)`")
        sizes = kernel if isinstance(kernel, tuple) else (kernel or 0,) * count
        need_sizes(name, attrs["groups"], *(() if given else (channels, *sizes)), least=1)
        per_group = dims.divide(types[0].shape[1], attrs["groups"])
        if per_group is None:
            raise ShapeError(f"{attrs['groups']} groups do not divide the channels of {show(types[0])}", 0)
        shape = given or (channels or 0, per_group, *sizes)
        init = bound(product(shape[1:]))
        return wanted(attrs, {"weight": Implicit("weight", shape, init), "bias": Implicit("bias", (shape[0],), init)})

    def work(types: Types, attrs: Attrs, result: TensorType) -> Work:
        return Work(product(result.shape) * product(types[1].shape[1:]), traffic(types, result))

    args = (
        Arg("x", "value", required=True),
        Arg("channels", "size", form="surface"),
        Arg("kernel", "pair", form="surface", ndim=count),
        Arg("stride", "pair", 1, ndim=count),
        Arg("padding", "pair", 0, ndim=count),
        Arg("dilation", "pair", 1, ndim=count),
        Arg("groups", "int", 1),
        Arg("weight", "param", True, required=True),
        Arg("bias", "param", True),
    )
    shape = "[B, C, T]" if count == 1 else "[B, C, H, W]"
    doc = f"Convolution of {shape} with a weight [channels, C / groups, kernel...], as in PyTorch; with zeros as padding."
    return Op(name, args, infer, doc, work=work, rows=leads(1), implicit=implicit)


def _pool(kind: str, count: int, doc: str) -> Op:
    name = f"{kind}_pool{count}d"

    def infer(types: Types, attrs: Attrs) -> TensorType:
        x = types[0]
        need_float(name, types)
        need_rank(name, types, 0, count + 2, form=FORMS[count])
        if any(2 * padding > k for padding, k in zip(attrs["padding"], attrs["kernel"])):
            raise ShapeError(f"the padding of `{name}` is at most half its kernel", 0)
        return x.with_shape(*x.shape[:2], *_windows(name, x, attrs["kernel"], attrs))

    def normalise(types: Types, attrs: Attrs) -> Attrs:
        return attrs if attrs["stride"] is not None else attrs.but(stride=attrs["kernel"])

    args = (
        Arg("x", "value", required=True),
        Arg("kernel", "pair", required=True, ndim=count),
        Arg("stride", "pair", None, ndim=count),
        Arg("padding", "pair", 0, ndim=count),
    )
    return Op(name, args, infer, doc, rows=leads(2), zero_preserving=False, normalise=normalise)


OPS = (
    _conv(1),
    _conv(2),
    _pool("max", 1, "The largest value of each window; `stride` is the kernel's size by default."),
    _pool("max", 2, "The largest value of each window of an image; `stride` is the kernel's size by default; padded with -inf."),
    _pool("avg", 1, "The mean of each window; padding counts as zeros."),
    _pool("avg", 2, "The mean of each window of an image; padding counts as zeros."),
)
