//! What can be installed: the pinned wheels, and which of their files are kept.

/// Something that can be installed.
#[derive(Debug)]
pub struct Package {
    /// Its name in Samovar: `openvino`, `onnxruntime`, `ffmpeg`.
    pub name: &'static str,
    /// Its name in the Python package index.
    pub pip_name: &'static str,
    /// The pinned version of the package.
    pub version: &'static str,
    /// The pinned files, by kind of machine.
    pub wheels: &'static [Wheel],
    pub(super) kind: Kind,
}

/// One pinned file.
#[derive(Debug)]
pub struct Wheel {
    /// As [`std::env::consts::OS`] and [`std::env::consts::ARCH`] name the machine.
    pub machine: (&'static str, &'static str),
    /// pip's name of the platform.
    pub platform: &'static str,
    /// What the file must hash to.
    pub sha256: &'static str,
}

/// Where the files go.
#[derive(Debug)]
pub(super) enum Kind {
    /// Libraries, into a folder of the engine and version.
    Engine { folder: &'static str, keep: fn(&str) -> bool },
    /// One executable, into Samovar's `bin`.
    Program { prefix: &'static str },
}

impl Package {
    /// The file for this machine.
    pub fn wheel(&self) -> Option<&'static Wheel> {
        self.wheels.iter().find(|wheel| wheel.machine == (std::env::consts::OS, std::env::consts::ARCH))
    }
}

/// The package called `name`.
pub fn package(name: &str) -> Option<&'static Package> {
    PACKAGES.iter().find(|package| package.name == name)
}

/// Everything that can be installed. The wheels are those for CPython 3.11 whatever the local Python is: only plain libraries are
/// taken out of them.
pub static PACKAGES: [Package; 3] = [
    Package {
        name: "openvino",
        pip_name: "openvino",
        version: "2026.4.1",
        wheels: &[Wheel {
            machine: ("linux", "x86_64"),
            platform: "manylinux_2_28_x86_64",
            sha256: "2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf",
        }],
        kind: Kind::Engine { folder: "openvino/libs/", keep: is_openvino_library },
    },
    Package {
        name: "onnxruntime",
        pip_name: "onnxruntime",
        version: "1.31.1",
        wheels: &[
            Wheel {
                machine: ("linux", "x86_64"),
                platform: "manylinux_2_28_x86_64",
                sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
            },
            Wheel {
                machine: ("linux", "aarch64"),
                platform: "manylinux_2_28_aarch64",
                sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
            },
        ],
        kind: Kind::Engine { folder: "onnxruntime/capi/", keep: |name| name.starts_with("libonnxruntime") },
    },
    Package {
        name: "ffmpeg",
        pip_name: "imageio-ffmpeg",
        version: "0.8.1",
        wheels: &[
            Wheel {
                machine: ("linux", "x86_64"),
                platform: "manylinux_2_28_x86_64",
                sha256: "050d6850601c3b3890bd2b28306f3b842b3daea390a561101174375a1c460bda",
            },
            Wheel {
                machine: ("linux", "aarch64"),
                platform: "manylinux_2_28_aarch64",
                sha256: "fad3176f859b25869e60a8ed79957d4e3ed74a97a95e5f0cdcb91455f6c6d00e",
            },
        ],
        kind: Kind::Program { prefix: "imageio_ffmpeg/binaries/ffmpeg-" },
    },
];

/// The runtime, its CPU and Intel GPU plugins with what they need, and the reader of ONNX files: readers of other formats and
/// plugins for devices that Samovar does not use stay out.
fn is_openvino_library(name: &str) -> bool {
    let is_other_reader = name.contains("_frontend") && !name.contains("_onnx_") && !name.contains("_ir_");
    let is_unused = name.contains("_npu_") || name.ends_with(".pc");
    !is_other_reader && !is_unused
}
