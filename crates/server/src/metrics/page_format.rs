//! The two forms of the page: OpenMetrics for scrapers that ask for it, Prometheus' classic text for everybody else.

use http::HeaderMap;
use http::header::ACCEPT;

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFormat {
    /// OpenMetrics 1.0 text.
    OpenMetrics,
    /// Prometheus text 0.0.4, which browsers show.
    Classic,
}

impl PageFormat {
    /// What a scraper with these headers wants: Prometheus names OpenMetrics first where it can read it.
    pub(crate) fn wanted(headers: &HeaderMap) -> Self {
        let named =
            |value: &http::HeaderValue| value.to_str().is_ok_and(|text| text.contains("application/openmetrics-text"));
        if headers.get_all(ACCEPT).iter().any(named) { Self::OpenMetrics } else { Self::Classic }
    }

    /// The value of `content-type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// The page in this form, from its OpenMetrics text.
    pub(super) fn write(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Classic => classic(&open_metrics),
        }
    }
}

/// The classic form differs in two things: a counter's family bears its samples' `_total`, and there is no end mark.
fn classic(open_metrics: &str) -> String {
    let mut page = String::with_capacity(open_metrics.len() + open_metrics.len() / 16);
    let mut help = None;
    for line in open_metrics.lines() {
        if line.starts_with("# HELP ") {
            help = Some(line);
            continue;
        }
        let counter = line.strip_prefix("# TYPE ").and_then(|rest| rest.strip_suffix(" counter"));
        if let Some(help) = help.take() {
            push_line(&mut page, &counter.map_or_else(|| help.to_owned(), |name| renamed(help, name)));
        }
        match counter {
            Some(name) => push_line(&mut page, &format!("# TYPE {name}_total counter")),
            None if line == "# EOF" => {}
            None => push_line(&mut page, line),
        }
    }
    page
}

/// The help line of counter `name`, for its samples' name.
fn renamed(help: &str, name: &str) -> String {
    let text = help.strip_prefix("# HELP ").and_then(|rest| rest.strip_prefix(name)).unwrap_or("");
    format!("# HELP {name}_total{text}")
}

fn push_line(page: &mut String, line: &str) {
    page.push_str(line);
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_named_as_its_samples_are() {
        let page =
            "# HELP a Help of a.\n# TYPE a counter\na_total{m=\"x\"} 1\n# HELP b Of b.\n# TYPE b gauge\nb 2\n# EOF\n";
        let expected = "# HELP a_total Help of a.\n# TYPE a_total counter\na_total{m=\"x\"} 1\n# HELP b Of b.\n# TYPE b gauge\nb 2\n";
        assert_eq!(PageFormat::Classic.write(page.to_owned()), expected);
        assert_eq!(PageFormat::OpenMetrics.write(page.to_owned()), page);
    }

    #[test]
    fn the_scraper_chooses() {
        let asked = |accept: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(ACCEPT, http::HeaderValue::from_static(accept));
            }
            PageFormat::wanted(&headers)
        };
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(asked(Some(prometheus)), PageFormat::OpenMetrics);
        assert_eq!(asked(Some("text/plain;version=0.0.4;q=1,*/*;q=0.1")), PageFormat::Classic);
        assert_eq!((asked(Some("*/*")), asked(None)), (PageFormat::Classic, PageFormat::Classic));
    }
}
