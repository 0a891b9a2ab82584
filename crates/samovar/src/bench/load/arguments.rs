//! What may be typed after `samovar bench load`.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `samovar bench load`.
#[derive(Clone, Debug, Args)]
pub struct BenchLoadArguments {
    /// What is asked for
    #[arg(value_enum)]
    pub surface: SurfaceName,
    /// Where the server listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    pub server: String,
    /// The model to ask [default: the server's own choice]
    #[arg(long, short)]
    pub model: Option<String>,
    /// Requests a second, one level after the other; `max`: each connection asks again as soon as it has its answer
    #[arg(long, value_name = "N[,N…]", value_delimiter = ',', default_value = "max")]
    pub rate: Vec<Rate>,
    /// Connections, and so requests on their way at the same time
    #[arg(long, short, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub connections: u32,
    /// Seconds of each level
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub duration: u64,
    /// Seconds before each level that are not counted
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub warm_up: u64,
    /// Texts of one request
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2_048))]
    pub items: u32,
    /// A text file, one text a line [default: sentences of 6 to 24 words]
    #[arg(long, value_name = "FILE")]
    pub texts: Option<PathBuf>,
    /// The picture that is sent to what takes pictures
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// Sizes for axes that a tensor leaves open, in their order
    #[arg(long, value_name = "N[,N…]", value_delimiter = ',')]
    pub sizes: Vec<usize>,
    /// Where `body` is sent
    #[arg(long, value_name = "PATH", required_if_eq("surface", "body"))]
    pub path: Option<String>,
    /// What `body` sends
    #[arg(long, value_name = "FILE", required_if_eq("surface", "body"))]
    pub body: Option<PathBuf>,
    /// What `body` calls it
    #[arg(long, value_name = "TYPE", default_value = "application/json")]
    pub content_type: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SurfaceName {
    /// POST /v1/embeddings
    Embeddings,
    /// POST /v1/rerank
    Rerank,
    /// POST /v1/similarity
    Similarity,
    /// POST /embed/vision with a picture
    Vision,
    /// POST /v1/detect with a picture
    Detect,
    /// POST /v1/pose with a picture
    Pose,
    /// POST /v1/segment with a picture
    Segment,
    /// POST /v1/faces with a picture
    Faces,
    /// POST /v2/models/MODEL/infer with tensors in binary
    Infer,
    /// GET /health/live: what the server costs around nothing
    Health,
    /// POST any file to any path
    Body,
}

/// How often requests are begun.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// As soon as a connection has its answer.
    Max,
    /// So many a second, whatever the answers do.
    PerSecond(f64),
}

impl std::str::FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<f64>() {
            _ if text == "max" => Ok(Self::Max),
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(Self::PerSecond(rate)),
            _ => Err("a rate is `max` or requests a second, such as 50 or 0.5".to_owned()),
        }
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Max => f.write_str("max"),
            Self::PerSecond(rate) => write!(f, "{rate}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_above_zero_or_the_most() {
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("12.5".parse(), Ok(Rate::PerSecond(12.5)));
        for wrong in ["", "0", "-1", "inf", "nan", "fast"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
