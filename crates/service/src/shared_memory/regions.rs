//! The table of registered regions.

use super::SharedMemoryLimits;
use super::region::{Region, RegionSpan};
use crate::access::{Caller, Scope};
use crate::{ServiceError, ServiceErrorKind};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The regions of every caller. Each sees their own alone: a name that another key has registered is unknown.
#[derive(Debug, Default)]
pub struct SharedMemory {
    /// None: it is switched off.
    limits: Option<SharedMemoryLimits>,
    regions: Mutex<BTreeMap<RegionName, Arc<Region>>>,
}

/// The caller's name, and theirs for the region.
type RegionName = (Arc<str>, String);

/// What is known of one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionStatus {
    /// What it was registered as.
    pub name: String,
    /// The name of its shared memory object, as it was given.
    pub key: String,
    /// Where in the object it begins, in bytes.
    pub offset: u64,
    /// How long it is, in bytes.
    pub byte_size: u64,
}

impl SharedMemory {
    /// Takes regions within `limits`. `SharedMemory::default()` takes none.
    pub fn new(limits: SharedMemoryLimits) -> Self {
        Self { limits: Some(limits), regions: Mutex::default() }
    }

    /// Whether any is taken.
    pub const fn is_on(&self) -> bool {
        self.limits.is_some()
    }

    /// Opens the shared memory object `key` and registers `byte_size` bytes of it from `offset` on as `name`.
    ///
    /// # Errors
    /// `shared_memory_disabled`, `Forbidden` for callers on other machines, `shared_memory_exists`, `shared_memory_missing`,
    /// `shared_memory_key`, `shared_memory_range`, `shared_memory_full`.
    pub fn register(
        &self,
        caller: &Caller,
        name: &str,
        key: &str,
        (offset, byte_size): (u64, u64),
    ) -> Result<(), ServiceError> {
        let limits = self.open_to(caller)?;
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
            return Err(ServiceError::invalid("shared_memory_name", "a region's name has 1 to 255 bytes"));
        }
        let region = Region::open(key, offset, byte_size)?;
        let mut regions = self.regions.lock();
        let name = (Arc::clone(&caller.name), name.to_owned());
        if regions.contains_key(&name) {
            let message = "a region of that name is registered already; unregister it first";
            return Err(ServiceError::invalid("shared_memory_exists", message));
        }
        check_room(limits, &regions, &caller.name, byte_size)?;
        regions.insert(name, Arc::new(region));
        Ok(())
    }

    /// Forgets the region `name`, or all of the caller's where none is named. What is under way with it goes on. Forgetting one
    /// that is not registered is no error: clients do so before they begin.
    ///
    /// # Errors
    /// `shared_memory_disabled`, `Forbidden` for callers on other machines.
    pub fn unregister(&self, caller: &Caller, name: Option<&str>) -> Result<(), ServiceError> {
        self.open_to(caller)?;
        let gone = |(owner, own): &RegionName| *owner == caller.name && name.is_none_or(|name| name == own);
        self.regions.lock().retain(|region, _| !gone(region));
        Ok(())
    }

    /// The caller's region `name`, or all of them where none is named, by their names.
    ///
    /// # Errors
    /// `shared_memory_disabled`, `Forbidden` for callers on other machines, `shared_memory_unknown`.
    pub fn status(&self, caller: &Caller, name: Option<&str>) -> Result<Vec<RegionStatus>, ServiceError> {
        self.open_to(caller)?;
        let regions = self.regions.lock();
        let of_caller =
            regions.iter().filter(|((owner, own), _)| *owner == caller.name && name.is_none_or(|name| name == own));
        let list: Vec<_> = of_caller.map(|((_, name), region)| status(name, region)).collect();
        if name.is_some() && list.is_empty() { Err(unknown()) } else { Ok(list) }
    }

    /// The part of the caller's region `name` that begins at `offset` and is `byte_size` long, to read a tensor from or to write
    /// one into.
    ///
    /// # Errors
    /// `shared_memory_disabled`, `Forbidden` for callers on other machines, `shared_memory_unknown`, `shared_memory_range`.
    pub fn span(&self, caller: &Caller, name: &str, offset: u64, byte_size: u64) -> Result<RegionSpan, ServiceError> {
        self.open_to(caller)?;
        let name = (Arc::clone(&caller.name), name.to_owned());
        let region = self.regions.lock().get(&name).cloned();
        region.ok_or_else(unknown)?.span(offset, byte_size)
    }

    fn open_to(&self, caller: &Caller) -> Result<SharedMemoryLimits, ServiceError> {
        let disabled = ServiceErrorKind::Unsupported { code: "shared_memory_disabled" };
        let message = "shared memory is switched off; set `shared_memory = true` in `[server]` of the configuration";
        let limits = self.limits.ok_or_else(|| ServiceError::new(disabled, message))?;
        caller.require(Scope::Infer)?;
        if caller.local {
            return Ok(limits);
        }
        let message = "only callers on the server's own machine may use its shared memory";
        Err(ServiceError::new(ServiceErrorKind::Forbidden, message))
    }
}

const NAME_BYTES_MAX: usize = 255;

fn check_room(
    limits: SharedMemoryLimits,
    regions: &BTreeMap<RegionName, Arc<Region>>,
    caller: &Arc<str>,
    byte_size: u64,
) -> Result<(), ServiceError> {
    let own = regions.iter().filter(|((owner, _), _)| owner == caller).map(|(_, region)| region);
    let message = if !is_room(own, limits.caller_regions_max, limits.caller_bytes_max, byte_size) {
        "this caller has registered as much shared memory as one may; unregister some"
    } else if !is_room(regions.values(), limits.regions_max, limits.bytes_max, byte_size) {
        "as much shared memory is registered as may be by all callers together; unregister some"
    } else {
        return Ok(());
    };
    Err(ServiceError::new(ServiceErrorKind::TooLarge { code: "shared_memory_full" }, message))
}

/// Whether one more of that size is within both limits.
fn is_room<'a>(
    regions: impl Iterator<Item = &'a Arc<Region>>,
    regions_max: usize,
    bytes_max: u64,
    byte_size: u64,
) -> bool {
    let more = |(count, bytes): (usize, u64), region: &Arc<Region>| (count + 1, bytes.saturating_add(region.byte_size));
    let (count, bytes) = regions.fold((0, byte_size), more);
    count < regions_max && bytes <= bytes_max
}

fn status(name: &str, region: &Region) -> RegionStatus {
    RegionStatus { name: name.to_owned(), key: region.key.clone(), offset: region.offset, byte_size: region.byte_size }
}

fn unknown() -> ServiceError {
    let kind = ServiceErrorKind::NotFound { code: "shared_memory_unknown" };
    ServiceError::new(kind, "no region of that name is registered")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    /// An object of 1,000 bytes that ends with the test.
    struct Object(String);

    impl Object {
        fn new(name: &str) -> Self {
            let key = format!("samovar-regions-{}-{name}", std::process::id());
            File::create(format!("/dev/shm/{key}")).unwrap().set_len(1_000).unwrap();
            Self(key)
        }
    }

    impl Drop for Object {
        fn drop(&mut self) {
            std::fs::remove_file(format!("/dev/shm/{}", self.0)).ok();
        }
    }

    fn caller(name: &str) -> Caller {
        let mut caller = Caller::local();
        caller.name = name.into();
        caller
    }

    #[test]
    fn one_caller_leaves_room_for_another() {
        let limits =
            SharedMemoryLimits { regions_max: 4, bytes_max: 1_500, caller_regions_max: 2, caller_bytes_max: 1_000 };
        let (memory, object) = (SharedMemory::new(limits), Object::new("room"));
        let register = |owner: &str, name: &str, byte_size| {
            let outcome = memory.register(&caller(owner), name, &object.0, (0, byte_size));
            outcome.err().map(|error| (error.kind().code(), error.message().contains("this caller")))
        };
        let (own, of_all) = (Some(("shared_memory_full", true)), Some(("shared_memory_full", false)));
        assert_eq!(register("greedy", "a", 900), None);
        assert_eq!(register("greedy", "b", 101), own, "bytes");
        assert_eq!(register("greedy", "b", 50), None);
        assert_eq!(register("greedy", "c", 1), own, "regions");
        assert_eq!(register("other", "a", 551), of_all);
        assert_eq!(register("other", "a", 550), None);
        memory.unregister(&caller("greedy"), Some("a")).unwrap();
        assert_eq!(register("greedy", "c", 900), None);
    }
}
