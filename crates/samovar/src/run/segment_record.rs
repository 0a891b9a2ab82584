//! One line for each segmented picture, for programs and for people.

use samovar_models::ClassMap;
use samovar_runtime::Completed;
use serde::Serialize;

/// What was seen in one picture.
#[derive(Debug, Serialize)]
pub struct SegmentRecord<'a> {
    input: &'a str,
    model: &'a str,
    engine: &'static str,
    precision: &'static str,
    width: u32,
    height: u32,
    /// Classes that are there, the largest first.
    areas: Vec<AreaRecord>,
    /// Class and length of each run of pixels, in rows from the top left.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<Vec<(u8, u32)>>,
}

#[derive(Debug, Serialize)]
struct AreaRecord {
    class_id: usize,
    label: String,
    /// Of all pixels, 0 to 1.
    share: f32,
}

impl<'a> SegmentRecord<'a> {
    /// The line of one picture, with the class of every pixel where `runs` asks for it.
    pub fn new(input: &'a str, completed: &'a Completed<ClassMap>, runs: bool) -> Self {
        let Completed { output: map, generation, .. } = completed;
        let labels = map.labels.iter().map(str::to_owned);
        let mut areas: Vec<AreaRecord> = labels
            .zip(map.areas())
            .enumerate()
            .filter(|(_, (_, share))| *share > 0.0)
            .map(|(class_id, (label, share))| AreaRecord { class_id, label, share })
            .collect();
        areas.sort_by(|a, b| b.share.total_cmp(&a.share));
        Self {
            input,
            model: &generation.name,
            engine: generation.engine,
            precision: generation.precision.name(),
            width: map.width,
            height: map.height,
            areas,
            runs: runs.then(|| map.runs().map(|run| (run.class, run.length)).collect()),
        }
    }

    /// `street.jpg (640×360): road 41.3 %, vegetation 12.0 %`.
    pub fn sentence(&self) -> String {
        let areas: Vec<String> =
            self.areas.iter().map(|area| format!("{} {:.1} %", area.label, area.share * 100.0)).collect();
        format!("{} ({}×{}): {}\n", self.input, self.width, self.height, areas.join(", "))
    }
}
