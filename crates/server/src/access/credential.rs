//! Where a request carries its key: in `Authorization: Bearer`, in `X-Api-Key`, and, since pages cannot set headers of a WebSocket, in
//! its subprotocols. Never in its address, which ends up in logs and histories.

use http::HeaderMap;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};

/// The subprotocol that the server agrees to. Who opens a WebSocket from a page names it beside `samovar.key.KEY`.
pub(crate) const SUBPROTOCOL: &str = "samovar";

/// The subprotocol that OpenAI's realtime clients of pages name.
pub(crate) const REALTIME_SUBPROTOCOL: &str = "realtime";

/// What stands before the key among the subprotocols: our own, and that of OpenAI's realtime clients.
const KEY_PROTOCOLS: [&str; 2] = ["samovar.key.", "openai-insecure-api-key."];

/// The key that the request carries.
pub(super) fn credential(headers: &HeaderMap) -> Option<&str> {
    bearer(headers).or_else(|| text(headers, "x-api-key")).or_else(|| protocol(headers))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn protocol(headers: &HeaderMap) -> Option<&str> {
    let offers = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|offer| offer.to_str().ok());
    let mut offers = offers.flat_map(|offer| offer.split(',')).map(str::trim);
    offers.find_map(|offer| KEY_PROTOCOLS.iter().find_map(|prefix| offer.strip_prefix(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &'static str, value: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        credential(&headers).map(str::to_owned)
    }

    #[test]
    fn a_key_is_found_wherever_clients_can_put_it() {
        let key = Some("smv_1".to_owned());
        assert_eq!(found("authorization", "Bearer smv_1"), key);
        assert_eq!(found("authorization", "bearer  smv_1 "), key);
        assert_eq!(found("x-api-key", "smv_1"), key);
        assert_eq!(found("sec-websocket-protocol", "samovar, samovar.key.smv_1"), key);
        assert_eq!(
            found("sec-websocket-protocol", "realtime, openai-insecure-api-key.smv_1, openai-beta.realtime-v1"),
            key
        );
        assert_eq!(found("authorization", "Basic smv_1"), None);
        assert_eq!(found("authorization", "smv_1"), None);
        assert_eq!(found("sec-websocket-protocol", "samovar"), None);
        assert_eq!(found("cookie", "key=smv_1"), None);
    }
}
