//! The plot of objects over time: stacked areas by class, as SVG that needs no script and fits light and dark pages.

use super::survey::Survey;
use super::text::{Text, clock, color, short};
use super::timeline::Stretch;
use samovar_media::class_color;
use std::io::{self, Write};

/// Classes that have an area of their own; what is rarer is put together.
const AREAS_MAX: usize = 7;
/// Size of the plot with its axes, in SVG's own units.
pub(super) const WIDTH: f64 = 960.0;
pub(super) const HEIGHT: f64 = 260.0;
/// Where the areas are.
const LEFT: f64 = 44.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = HEIGHT - 28.0;
/// Distances between marks on the axis of time, in seconds.
const TICKS_S: [f64; 20] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0,
    14_400.0, 43_200.0, 86_400.0,
];
const TICKS_MAX: f64 = 9.0;
/// Height of a video's name in a document of plots alone.
const NAME_HEIGHT: f64 = 30.0;
/// Colours and letters of a document of its own, light and dark.
const STYLE: &str = "<style>svg{color:#1c2024;background:#fff;font:12px system-ui,sans-serif}.grid{stroke:#8884}.area{stroke:#fff;stroke-width:.6}\
    text{fill:currentColor}.faint{opacity:.65}.damage{stroke:#d33}\
    @media(prefers-color-scheme:dark){svg{color:#e6e8eb;background:#16181b}.area{stroke:#16181b}}</style>";

/// One area, from the most frequent class at the bottom up.
struct Area {
    label: String,
    color: String,
    /// Objects in a frame, on average, for each stretch.
    means: Vec<f64>,
}

/// Places on the axes.
struct Axes {
    from_ms: f64,
    to_ms: f64,
    most: f64,
}

/// Begins a document of that many plots.
pub(super) fn begin_document(plots: usize, out: &mut dyn Write) -> io::Result<()> {
    let height = (NAME_HEIGHT + HEIGHT) * plots as f64;
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">{STYLE}"
    )
}

/// Writes the plot of that number, from 0, below its video's name.
pub(super) fn write_in_document(index: usize, survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    let top = (NAME_HEIGHT + HEIGHT) * index as f64;
    let name = Text(&survey.header.input);
    write!(out, "<g transform=\"translate(0 {top})\"><text x=\"8\" y=\"20\" font-weight=\"600\">{name}</text>")?;
    write!(out, "<g transform=\"translate(0 {NAME_HEIGHT})\">")?;
    write_body(survey, out)?;
    write!(out, "</g></g>")
}

/// Ends a document.
pub(super) fn end_document(out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "</svg>")
}

/// Writes the plot as an element of a page, whose style it takes on.
pub(super) fn write(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Objects over time\">")?;
    write_body(survey, out)?;
    writeln!(out, "</svg>")
}

fn write_body(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    let stretches = survey.timeline.stretches();
    let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
        return write!(out, "<text x=\"{LEFT}\" y=\"{TOP}\" class=\"faint\">No frame was looked at.</text>");
    };
    let areas = areas(survey, &stretches);
    let highest = (0..stretches.len()).map(|at| areas.iter().map(|area| area.means[at]).sum::<f64>());
    let most = highest.fold(0.0, f64::max);
    let axes = Axes { from_ms: first.from_ms, to_ms: last.to_ms, most: ceiling(most) };
    axes.write_grid(out)?;
    write_areas(&axes, &stretches, &areas, out)?;
    write_legend(&areas, out)?;
    if let Some(at) = survey.end.as_ref().and_then(|end| end.damaged_at_ms) {
        let x = axes.x(at.clamp(axes.from_ms, axes.to_ms));
        write!(out, "<path class=\"damage\" stroke-dasharray=\"4 3\" d=\"M{x:.1} {TOP}V{BOTTOM}\">")?;
        write!(out, "<title>Damaged from {} on</title></path>", clock(at))?;
    }
    write_notes(&axes, &stretches, &areas, out)
}

fn areas(survey: &Survey, stretches: &[Stretch]) -> Vec<Area> {
    let mut classes: Vec<_> = survey.timeline.classes().iter().enumerate().collect();
    classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.objects));
    let rest = classes.split_off(classes.len().min(AREAS_MAX));
    let mut areas: Vec<Area> = classes
        .iter()
        .map(|(index, class)| Area {
            label: class.label.to_string(),
            color: color(class_color(class.id as usize)),
            means: stretches.iter().map(|stretch| stretch.means[*index]).collect(),
        })
        .collect();
    if !rest.is_empty() {
        let sum = |stretch: &Stretch| rest.iter().map(|(index, _)| stretch.means[*index]).sum();
        let means = stretches.iter().map(sum).collect();
        areas.push(Area { label: format!("{} others", rest.len()), color: "#8a8f98".to_owned(), means });
    }
    areas
}

impl Axes {
    fn x(&self, ms: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * (ms - self.from_ms) / (self.to_ms - self.from_ms).max(1e-9)
    }

    fn y(&self, objects: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * objects / self.most
    }

    fn write_grid(&self, out: &mut dyn Write) -> io::Result<()> {
        for step in 0..=4 {
            let objects = self.most * f64::from(step) / 4.0;
            let y = self.y(objects);
            write!(out, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
            let label_y = y + 4.0;
            write!(out, "<text x=\"{}\" y=\"{label_y:.1}\" text-anchor=\"end\">{}</text>", LEFT - 6.0, short(objects))?;
        }
        let span_s = (self.to_ms - self.from_ms) / 1_000.0;
        let step_s = TICKS_S.into_iter().find(|step| span_s / step <= TICKS_MAX).unwrap_or(span_s / TICKS_MAX);
        let first = (self.from_ms / 1_000.0 / step_s).ceil() as u64;
        let marks = (first..).map(|mark| mark as f64 * step_s * 1_000.0).take_while(|ms| *ms <= self.to_ms);
        for ms in marks.take(TICKS_MAX as usize + 2) {
            let x = self.x(ms);
            write!(out, "<path class=\"grid\" d=\"M{x:.1} {BOTTOM}v5\"/>")?;
            write!(out, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", BOTTOM + 19.0, clock(ms))?;
        }
        Ok(())
    }
}

fn write_areas(axes: &Axes, stretches: &[Stretch], areas: &[Area], out: &mut dyn Write) -> io::Result<()> {
    let mut floor = vec![0.0; stretches.len()];
    for area in areas {
        let top: Vec<f64> = floor.iter().zip(&area.means).map(|(floor, mean)| floor + mean).collect();
        write!(
            out,
            "<path class=\"area\" fill=\"{}\" fill-opacity=\".85\" d=\"M{:.1} {BOTTOM}",
            area.color,
            axes.x(axes.from_ms)
        )?;
        for (stretch, top) in stretches.iter().zip(&top) {
            write!(out, "V{:.1}H{:.1}", axes.y(*top), axes.x(stretch.to_ms))?;
        }
        for (stretch, floor) in stretches.iter().zip(&floor).rev() {
            write!(out, "V{:.1}H{:.1}", axes.y(*floor), axes.x(stretch.from_ms))?;
        }
        write!(out, "Z\"/>")?;
        floor = top;
    }
    Ok(())
}

fn write_legend(areas: &[Area], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<text x=\"{LEFT}\" y=\"14\" class=\"faint\">objects in a frame</text>")?;
    let mut x = LEFT + 130.0;
    for area in areas {
        // Letters of a proportional face are narrower than this, mostly.
        let width = 30.0 + 6.3 * area.label.chars().count().min(24) as f64;
        if x + width > RIGHT {
            break;
        }
        let label: String = area.label.chars().take(24).collect();
        write!(out, "<rect x=\"{x:.1}\" y=\"4\" width=\"11\" height=\"11\" rx=\"2\" fill=\"{}\"/>", area.color)?;
        write!(out, "<text x=\"{:.1}\" y=\"14\">{}</text>", x + 16.0, Text(&label))?;
        x += width;
    }
    Ok(())
}

/// What a pointer over the plot is told, without a script.
fn write_notes(axes: &Axes, stretches: &[Stretch], areas: &[Area], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<g fill=\"transparent\">")?;
    for (at, stretch) in stretches.iter().enumerate() {
        let (x, width) = (axes.x(stretch.from_ms), axes.x(stretch.to_ms) - axes.x(stretch.from_ms));
        write!(out, "<rect x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{:.0}\">", BOTTOM - TOP)?;
        write!(out, "<title>{}–{}", clock(stretch.from_ms), clock(stretch.to_ms))?;
        for area in areas.iter().filter(|area| area.means[at] > 0.0) {
            write!(out, "&#10;{} {:.2}", Text(&area.label), area.means[at])?;
        }
        write!(out, "</title></rect>")?;
    }
    write!(out, "</g>")
}

/// The next number upwards that four steps divide well.
fn ceiling(most: f64) -> f64 {
    let most = most.max(1.0);
    let power = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.2, 1.6, 2.0, 2.4, 3.2, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|step| *step >= most).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_numbers_that_are_easy_to_read() {
        assert_eq!([0.0, 0.3, 1.0, 5.0, 11.3, 170.0].map(ceiling), [1.0, 1.0, 1.0, 6.0, 12.0, 200.0]);
    }
}
