//! Writes small ONNX files for tests: enough of protobuf to declare what an honest exporter never would.

/// A protobuf message under construction.
#[derive(Clone, Default)]
pub struct Message(Vec<u8>);

impl Message {
    pub fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub fn bytes(mut self, field: u64, content: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(content.len() as u64);
        self.0.extend_from_slice(content);
        self
    }

    pub fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A port of `f32 [size]`.
pub fn port(name: &str, size: u64) -> Message {
    let shape = Message::default().message(1, &Message::default().number(1, size));
    let tensor = Message::default().number(1, 1).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

/// `y = x + w`, where `w` is the initialiser.
pub fn adder(initializer: &Message, size: u64) -> Vec<u8> {
    let node = Message::default().text(1, "x").text(1, "w").text(2, "y").text(4, "Add");
    let graph = Message::default().message(1, &node).text(2, "g").message(5, initializer);
    model(&graph.message(11, &port("x", size)).message(12, &port("y", size)))
}

/// A model around `graph`.
pub fn model(graph: &Message) -> Vec<u8> {
    let opset = Message::default().number(2, 17);
    Message::default().number(1, 8).message(7, graph).message(8, &opset).into_bytes()
}

/// `w`, an `f32` tensor of `size` whose bytes are in the file.
pub fn stored(size: u64, bytes: &[u8]) -> Message {
    Message::default().number(1, size).number(2, 1).text(8, "w").bytes(9, bytes)
}

/// `w`, an `f32` tensor of `size` whose bytes are at `location`.
pub fn external(size: u64, location: &str, more: &[(&str, &str)]) -> Message {
    let entry = |key: &str, value: &str| Message::default().text(1, key).text(2, value);
    let tensor = Message::default().number(1, size).number(2, 1).text(8, "w").message(13, &entry("location", location));
    more.iter().fold(tensor, |tensor, (key, value)| tensor.message(13, &entry(key, value))).number(14, 1)
}
