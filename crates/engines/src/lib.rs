//! The engines: rten built in, OpenVINO and ONNX Runtime linked at run time, and a fake one for tests.
