//! Rules over the addresses that clients may name, wherever that is configured.

use super::near::listed;
use super::rules::Broken;
use std::net::IpAddr;

/// Broken rules of the keys `schemes` and `hosts` of that section, which takes the schemes in `known`.
pub fn addition_rules(section: &str, known: &[&str], schemes: &[String], hosts: &[String]) -> Vec<Broken> {
    let path = |key: &str| vec![section.to_owned(), key.to_owned()];
    let unknown = schemes.iter().filter(|scheme| !known.contains(&scheme.as_str()));
    let told = unknown.map(|scheme| format!("`{scheme}` is no kind of address; there are {}", listed(known)));
    let mut broken: Vec<Broken> = told.map(|message| (path("schemes"), message)).collect();
    if !schemes.is_empty() && hosts.is_empty() {
        let message = "empty, so no address could be added; list the hosts, or leave `schemes` out".to_owned();
        broken.push((path("hosts"), message));
    }
    let wrong = hosts.iter().filter(|host| !is_host_or_network(host));
    broken.extend(wrong.map(|host| {
        let message =
            format!("`{host}` is no host; write `camera.local`, `*.cameras.example`, `192.0.2.7` or `10.1.0.0/16`");
        (path("hosts"), message)
    }));
    broken
}

/// A name, anything below one, an address, or a network: what could never match would only seem to allow something.
fn is_host_or_network(text: &str) -> bool {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    if let Ok(address) = address.parse::<IpAddr>() {
        let width = if address.is_ipv4() { 32 } else { 128 };
        return bits.is_none_or(|bits| bits.parse::<u32>().is_ok_and(|bits| bits <= width));
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.len() <= 253 && name.split('.').all(|label| !label.is_empty() && label.bytes().all(plain))
}
