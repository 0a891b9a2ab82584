//! TensorRT under ONNX Runtime: it builds an engine for one card and one set of shapes, for minutes, and writes what it built into a
//! folder. That folder is a temporary one of a single load; what counts is the compiled form that it is packed into.

use ort::ep::TensorRT;
use samovar_engine_api::{PortShape, Signature};
use std::fs::{self, DirBuilder};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, process};

/// The folder of one load, deleted with this value.
pub(crate) struct TensorRtFolder {
    path: PathBuf,
}

impl TensorRtFolder {
    /// A folder with the files that were packed into `form`, or an empty one.
    ///
    /// # Errors
    /// Those of writing it; `InvalidData` where `form` is no pack of files.
    pub(crate) fn unpack(form: &[u8]) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("samovar-tensorrt-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = Self { path: env::temp_dir().join(name) };
        DirBuilder::new().mode(0o700).create(&folder.path)?;
        let mut rest = form;
        while !rest.is_empty() {
            let name = take_field(&mut rest)?;
            let content = take_field(&mut rest)?;
            fs::write(folder.path.join(file_name(name)?), content)?;
        }
        Ok(folder)
    }

    /// The files as one form: name and content of each, both with their length before them, in the order of their names.
    ///
    /// # Errors
    /// Those of reading them.
    pub(crate) fn pack(&self) -> io::Result<Vec<u8>> {
        let mut paths = fs::read_dir(&self.path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        let mut form = Vec::new();
        for path in paths.iter().filter(|path| path.is_file()) {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let mut content = Vec::new();
            fs::File::open(path)?.read_to_end(&mut content)?;
            for field in [name, &content] {
                form.extend((field.len() as u64).to_le_bytes());
                form.extend(field);
            }
        }
        Ok(form)
    }

    /// TensorRT on card `device`, for the shapes of `profile` alone, so that everything is built while the model is loaded; in a workspace
    /// of no more than `memory_bytes`, where that is given.
    pub(crate) fn provider(&self, device: i32, profile: &str, memory_bytes: Option<usize>) -> TensorRT {
        let folder = self.path.display();
        let provider = TensorRT::default()
            .with_device_id(device)
            .with_engine_cache(true)
            .with_engine_cache_path(&folder)
            .with_timing_cache(true)
            .with_timing_cache_path(&folder)
            .with_profile_min_shapes(profile)
            .with_profile_opt_shapes(profile)
            .with_profile_max_shapes(profile);
        match memory_bytes {
            Some(bytes) => provider.with_max_workspace_size(bytes),
            None => provider,
        }
    }
}

impl Drop for TensorRtFolder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.path));
    }
}

/// `images:1x3x640x640,sizes:1x2`.
pub(crate) fn profile(signature: &Signature, shapes: &[PortShape]) -> String {
    let sizes = |shape: &PortShape| shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
    let ports = signature.inputs.iter().zip(shapes).map(|(port, shape)| format!("{}:{}", port.name, sizes(shape)));
    ports.collect::<Vec<_>>().join(",")
}

fn take_field<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    let (length, after) = rest.split_first_chunk().ok_or(io::ErrorKind::InvalidData)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| io::ErrorKind::InvalidData)?;
    let (field, after) = after.split_at_checked(length).ok_or(io::ErrorKind::InvalidData)?;
    *rest = after;
    Ok(field)
}

/// A plain name: never a way out of the folder.
fn file_name(name: &[u8]) -> io::Result<&Path> {
    let name = Path::new(str::from_utf8(name).map_err(|_| io::ErrorKind::InvalidData)?);
    let mut parts = name.components();
    let is_plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    if is_plain { Ok(name) } else { Err(io::ErrorKind::InvalidData.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_engine_api::{Dim, ElementType, Port};

    #[test]
    fn what_was_packed_is_unpacked_and_the_folder_goes_with_its_value() {
        let first = TensorRtFolder::unpack(&[]).unwrap();
        fs::write(first.path.join("a.engine"), [1, 2, 3]).unwrap();
        fs::write(first.path.join("b.timing"), []).unwrap();
        let form = first.pack().unwrap();
        let second = TensorRtFolder::unpack(&form).unwrap();
        assert_ne!(first.path, second.path);
        assert_eq!(fs::read(second.path.join("a.engine")).unwrap(), [1, 2, 3]);
        assert_eq!(second.pack().unwrap(), form);
        let path = second.path.clone();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        let field = |bytes: &[u8]| [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat();
        for name in ["../out", "/etc/out", "", ".", "a/b"] {
            assert!(TensorRtFolder::unpack(&[field(name.as_bytes()), field(b"content")].concat()).is_err(), "{name}");
        }
        for bytes in [&[1, 2, 3][..], &u64::MAX.to_le_bytes(), &field(b"a name and no content")] {
            assert!(TensorRtFolder::unpack(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_profile_names_each_input_and_its_sizes() {
        let port = |name: &str| Port { name: name.into(), element: ElementType::F32, dims: vec![Dim::Dynamic(None)] };
        let signature = Signature { inputs: vec![port("images"), port("sizes")], ..Signature::default() };
        assert_eq!(profile(&signature, &[vec![1, 3, 640, 640], vec![1, 2]]), "images:1x3x640x640,sizes:1x2");
    }
}
