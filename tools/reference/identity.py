#!/usr/bin/env python3
"""Makes the model that gives back what it got: `y = Identity(x)`, x of f32 `[batch, numbers]`.

    pip install onnx
    tools/reference/identity.py crates/samovar/src/bench/service/identity.onnx
"""

import sys

from onnx import TensorProto, checker, helper, save

shape = ["batch", "numbers"]
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="samovar")
checker.check_model(model)
save(model, sys.argv[1])
