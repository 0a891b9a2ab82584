//! HTTP and WebSocket surfaces: routes, limits, metrics and the API page.
