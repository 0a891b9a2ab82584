"""Builds Whisper's three ONNX graphs node by node, in the layout and with the names of the usual exports.

Nodes carry the path of their module (`/layers.0/self_attn/q_proj/MatMul`, in the decoders behind `/model/decoder`),
so that adapters find what they change. Large weights are stored as float16 behind Cast nodes and computed in
float32; the tied embedding is stored once a graph, and the encoder's position table is made of sines.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from whisper import Shape

OPSET = 17

_SMALL = 512  # tensors of fewer values stay float32
_FINE = 50  # the position table is put together of 30 coarse and 50 fine steps
_NEVER = -1e4  # added to scores that may not count; float16 can hold it
_ROWS = "model.decoder.embed_tokens.weight"
_BATCH, _LENGTH, _BEFORE = "batch_size", "decoder_sequence_length", "past_decoder_sequence_length"


def encoder(shape: Shape, state: dict[str, np.ndarray]) -> onnx.ModelProto:
    """`input_features` `[batch, 80, 3000]` to `last_hidden_state` `[batch, 1500, width]`."""
    built = _Graph(shape, {name.removeprefix("model.encoder."): value for name, value in state.items()}, "")
    window = [_BATCH, shape.num_mel_bins, 2 * shape.max_source_positions]
    x = built.gelu("/act", built.convolution("conv1", built.input("input_features", window), 1))
    x = built.gelu("/act_1", built.convolution("conv2", x, 2))
    x = built.node("Transpose", "/Transpose", [x], perm=[0, 2, 1])
    x = built.node("Add", "/Add", [x, built.sines("embed_positions.weight")])
    for layer in range(shape.encoder_layers):
        path = f"layers.{layer}"
        y = built.norm(f"{path}.self_attn_layer_norm", x)
        keys, values = built.keys_values(f"{path}.self_attn", y)
        x = built.added(f"{path}.self_attn", x, built.attention(f"{path}.self_attn", y, keys, values))
        x = built.feed_forward(path, x)
    built.output(built.norm("layer_norm", x), "last_hidden_state", [_BATCH, shape.max_source_positions, shape.d_model])
    return built.model("encoder_model")


def decoder(shape: Shape, state: dict[str, np.ndarray]) -> onnx.ModelProto:
    """A prompt's `input_ids` `[batch, length]` over the encoder's output to `logits` and all keys and values."""
    built = _Graph(shape, state, "model.decoder.")
    ids = built.input("input_ids", [_BATCH, _LENGTH], TensorProto.INT64)
    sound = built.input("encoder_hidden_states", [_BATCH, shape.max_source_positions, shape.d_model])
    size = built.node("Gather", "/Gather", [built.node("Shape", "/Shape", [ids]), built.whole("one", 1)])
    steps = built.node("Range", "/Range", [built.whole("zero", 0), size, built.whole("one", 1)])
    mask = _causal(built, steps)
    x = built.embedded(ids, steps)
    for layer in range(shape.decoder_layers):
        path = f"model.decoder.layers.{layer}"
        y = built.norm(f"{path}.self_attn_layer_norm", x)
        keys, values = built.keys_values(f"{path}.self_attn", y)
        heard = built.keys_values(f"{path}.encoder_attn", sound)
        x = built.added(f"{path}.self_attn", x, built.attention(f"{path}.self_attn", y, keys, values, mask))
        x = _heard(built, path, x, *heard)
        for side, pair in (("decoder", (keys, values)), ("encoder", heard)):
            for part, tensor in zip(("key", "value"), pair, strict=True):
                length = _LENGTH if side == "decoder" else shape.max_source_positions
                built.output(tensor, f"present.{layer}.{side}.{part}", built.heads(length))
    built.output(built.logits(x), "logits", [_BATCH, _LENGTH, shape.vocab_size], first=True)
    return built.model("decoder_model")


def decoder_with_past(shape: Shape, state: dict[str, np.ndarray]) -> onnx.ModelProto:
    """One token a row behind past keys and values to `logits` and the grown keys and values of the text."""
    built = _Graph(shape, state, "model.decoder.")
    ids = built.input("input_ids", [_BATCH, 1], TensorProto.INT64)
    past = [
        [
            built.input(f"past_key_values.{layer}.{side}.{part}", built.heads(length))
            for side, length in (("decoder", _BEFORE), ("encoder", shape.max_source_positions))
            for part in ("key", "value")
        ]
        for layer in range(shape.decoder_layers)
    ]
    sizes = built.node("Shape", "/Shape", [past[0][0]])
    x = built.embedded(ids, built.node("Gather", "/Gather", [sizes, built.wholes("past_axis", [2])]))
    for layer, (old_keys, old_values, *heard) in enumerate(past):
        path = f"model.decoder.layers.{layer}"
        y = built.norm(f"{path}.self_attn_layer_norm", x)
        grown = built.keys_values(f"{path}.self_attn", y)
        keys, values = (
            built.node("Concat", f"{built.place(path)}/self_attn/Concat_{part}", [old, new], axis=2)
            for part, old, new in zip(("key", "value"), (old_keys, old_values), grown, strict=True)
        )
        x = built.added(f"{path}.self_attn", x, built.attention(f"{path}.self_attn", y, keys, values))
        x = _heard(built, path, x, *heard)
        for part, tensor in (("key", keys), ("value", values)):
            built.output(tensor, f"present.{layer}.decoder.{part}", built.heads(f"{_BEFORE} + 1"))
    built.output(built.logits(x), "logits", [_BATCH, 1, shape.vocab_size], first=True)
    return built.model("decoder_with_past_model")


class _Graph:
    """The nodes, weights, inputs and outputs so far. Modules are named by their path in `state`."""

    def __init__(self, shape: Shape, state: dict[str, np.ndarray], root: str) -> None:
        self._shape, self._state, self._root = shape, state, root
        self._nodes: list[onnx.NodeProto] = []
        self._weights: dict[str, onnx.TensorProto] = {}
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def node(self, kind: str, name: str, inputs: list[str], **attributes: object) -> str:
        """Adds a node of one output and gives the output's name."""
        output = f"{name}_output_0"
        self._nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def input(self, name: str, dims: list, kind: int = TensorProto.FLOAT) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, kind, dims))
        return name

    def output(self, tensor: str, name: str, dims: list, first: bool = False) -> None:
        """Names a tensor as an output of the graph, `first` before those that are there."""
        for node in self._nodes:
            node.output[:] = [name if other == tensor else other for other in node.output]
            node.input[:] = [name if other == tensor else other for other in node.input]
        value = helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
        self._outputs.insert(0 if first else len(self._outputs), value)

    def heads(self, length: int | str) -> list:
        """The shape of keys and values."""
        count = self._shape.decoder_attention_heads
        return [_BATCH, count, length, self._shape.d_model // count]

    @staticmethod
    def place(path: str) -> str:
        """A module's path as exports write it: `model.decoder.layers.0.fc1` is `/model/decoder/layers.0/fc1`."""
        return "/" + path.replace(".", "/").replace("layers/", "layers.")

    def weight(self, name: str, turned: bool = False) -> str:
        """A parameter, large ones as float16 behind a Cast; `turned` is the `.T` that MatMul takes."""
        label = f"{name}.T" if turned else name
        if label not in self._weights:
            value = self._state[name].T if turned else self._state[name]
            self._keep(label, np.ascontiguousarray(value, np.float32))
        return label

    def whole(self, name: str, value: int) -> str:
        return self._constant(name, np.array(value, np.int64))

    def wholes(self, name: str, values: list[int]) -> str:
        return self._constant(name, np.array(values, np.int64))

    def number(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, np.float32))

    def linear(self, path: str, x: str, bias: bool = True) -> str:
        place = self.place(path)
        y = self.node("MatMul", f"{place}/MatMul", [x, self.weight(f"{path}.weight", turned=True)])
        return self.node("Add", f"{place}/Add", [self.weight(f"{path}.bias"), y]) if bias else y

    def convolution(self, path: str, x: str, stride: int) -> str:
        inputs = [x, self.weight(f"{path}.weight"), self.weight(f"{path}.bias")]
        return self.node("Conv", f"{self.place(path)}/Conv", inputs, kernel_shape=[3], pads=[1, 1], strides=[stride])

    def norm(self, path: str, x: str) -> str:
        inputs = [x, self.weight(f"{path}.weight"), self.weight(f"{path}.bias")]
        return self.node("LayerNormalization", f"{self.place(path)}/LayerNormalization", inputs, axis=-1, epsilon=1e-5)

    def gelu(self, place: str, x: str) -> str:
        """x / 2 · (1 + erf(x / √2)), in the pattern that engines fuse."""
        y = self.node("Div", f"{place}/Div", [x, self.number("sqrt_2", np.sqrt(2.0))])
        y = self.node("Erf", f"{place}/Erf", [y])
        y = self.node("Add", f"{place}/Add", [y, self.number("float_one", 1.0)])
        y = self.node("Mul", f"{place}/Mul", [x, y])
        return self.node("Mul", f"{place}/Mul_1", [y, self.number("half", 0.5)])

    def added(self, path: str, x: str, y: str) -> str:
        return self.node("Add", f"{self.place(path)}/Residual", [x, y])

    def feed_forward(self, path: str, x: str) -> str:
        """A layer's last half."""
        y = self.linear(f"{path}.fc1", self.norm(f"{path}.final_layer_norm", x))
        y = self.linear(f"{path}.fc2", self.gelu(f"{self.place(path)}/activation_fn", y))
        return self.added(path, x, y)

    def keys_values(self, path: str, x: str) -> tuple[str, str]:
        keys, values = self.linear(f"{path}.k_proj", x, bias=False), self.linear(f"{path}.v_proj", x)
        return self._split(path, "k", keys), self._split(path, "v", values)

    def attention(self, path: str, x: str, keys: str, values: str, mask: str | None = None) -> str:
        place = self.place(path)
        scale = self.number("scale", (self._shape.d_model // self._heads(path)) ** -0.5)
        y = self.node("Mul", f"{place}/Mul", [self.linear(f"{path}.q_proj", x), scale])
        turned = self.node("Transpose", f"{place}/Transpose", [keys], perm=[0, 1, 3, 2])
        scores = self.node("MatMul", f"{place}/MatMul", [self._split(path, "q", y), turned])
        if mask is not None:
            scores = self.node("Add", f"{place}/Add", [scores, mask])
        weights = self.node("Softmax", f"{place}/Softmax", [scores], axis=-1)
        y = self.node("MatMul", f"{place}/MatMul_1", [weights, values])
        y = self.node("Transpose", f"{place}/Transpose_1", [y], perm=[0, 2, 1, 3])
        y = self.node("Reshape", f"{place}/Reshape", [y, self.wholes("joined", [0, -1, self._shape.d_model])])
        return self.linear(f"{path}.out_proj", y)

    def embedded(self, ids: str, steps: str) -> str:
        """Token rows plus position rows."""
        place = "/model/decoder"
        rows = self.node("Gather", f"{place}/embed_tokens/Gather", [self.weight(_ROWS), ids])
        places = [self.weight("model.decoder.embed_positions.weight"), steps]
        return self.node("Add", f"{place}/Add", [rows, self.node("Gather", f"{place}/embed_positions/Gather", places)])

    def logits(self, x: str) -> str:
        """The last layer norm and the tied embedding."""
        y = self.norm("model.decoder.layer_norm", x)
        turned = self.node("Transpose", "/proj_out/Transpose", [self.weight(_ROWS)], perm=[1, 0])
        return self.node("MatMul", "/proj_out/MatMul", [y, turned])

    def sines(self, name: str) -> str:
        """The position table: sin(a + b) and cos(a + b) of coarse steps a and fine steps b."""
        table = self._state[name].astype(np.float64)
        sine, cosine = table[:, : table.shape[1] // 2], table[:, table.shape[1] // 2 :]
        coarse = {"sin": sine[::_FINE, None], "cos": cosine[::_FINE, None]}
        fine = {"sin": sine[None, :_FINE], "cos": cosine[None, :_FINE]}
        place = "/embed_positions"

        def product(one: str, other: str) -> str:
            left = self._constant(f"positions.coarse_{one}", coarse[one].astype(np.float32))
            right = self._constant(f"positions.fine_{other}", fine[other].astype(np.float32))
            return self.node("Mul", f"{place}/Mul_{one}_{other}", [left, right])

        sines = self.node("Add", f"{place}/Add", [product("sin", "cos"), product("cos", "sin")])
        cosines = self.node("Sub", f"{place}/Sub", [product("cos", "cos"), product("sin", "sin")])
        flat = self.wholes("positions.shape", [table.shape[0], -1])
        parts = [self.node("Reshape", f"{place}/Reshape_{i}", [half, flat]) for i, half in enumerate((sines, cosines))]
        return self.node("Concat", f"{place}/Concat", parts, axis=1)

    def model(self, stem: str) -> onnx.ModelProto:
        """The finished, checked file."""
        graph = helper.make_graph(self._nodes, stem, self._inputs, self._outputs, list(self._weights.values()))
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], producer_name="samovar-starter", ir_version=8)
        about = {
            "author": "Samovar", "license": "Apache-2.0", "name": f"starter-whisper {stem}",
            "task": "automatic-speech-recognition",
            "description": "Whisper for a closed set of English emergency phrases, trained on synthesised speech",
        }
        helper.set_model_props(model, about)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _heads(self, path: str) -> int:
        return self._shape.decoder_attention_heads if "decoder" in path else self._shape.encoder_attention_heads

    def _split(self, path: str, part: str, x: str) -> str:
        heads = self._heads(path)
        place = f"{self.place(path)}/{part}"
        shape = self.wholes("split", [0, -1, heads, self._shape.d_model // heads])
        y = self.node("Reshape", f"{place}/Reshape", [x, shape])
        return self.node("Transpose", f"{place}/Transpose", [y], perm=[0, 2, 1, 3])

    def _keep(self, label: str, value: np.ndarray) -> None:
        if value.size < _SMALL:
            self._weights[label] = numpy_helper.from_array(value, label)
            return
        stored = numpy_helper.from_array(value.astype(np.float16), f"{label}.f16")
        self._weights[label] = stored
        self._nodes.append(helper.make_node("Cast", [stored.name], [label], name=f"{label}.Cast", to=TensorProto.FLOAT))

    def _constant(self, name: str, value: np.ndarray) -> str:
        self._weights.setdefault(name, numpy_helper.from_array(value, name))
        return name


def _causal(built: _Graph, steps: str) -> str:
    """`[length, length]`: 0 for what came before, a large negative number for what comes after."""
    across = built.node("Unsqueeze", "/Unsqueeze", [steps, built.wholes("axis_0", [0])])
    down = built.node("Unsqueeze", "/Unsqueeze_1", [steps, built.wholes("axis_1", [1])])
    later = built.node("Cast", "/Cast", [built.node("Greater", "/Greater", [across, down])], to=TensorProto.FLOAT)
    return built.node("Mul", "/Mul", [later, built.number("never", _NEVER)])


def _heard(built: _Graph, path: str, x: str, keys: str, values: str) -> str:
    y = built.norm(f"{path}.encoder_attn_layer_norm", x)
    x = built.added(f"{path}.encoder_attn", x, built.attention(f"{path}.encoder_attn", y, keys, values))
    return built.feed_forward(path, x)
