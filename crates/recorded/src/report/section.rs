//! The part of a page that tells of one video: facts, plot, counts, heat map, sample frames.

use super::plot;
use super::samples::{Sample, Samples};
use super::survey::Survey;
use super::text::{Text, clock, color, count, short};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use samovar_media::class_color;
use std::io::{self, Write};

/// Classes in the table of counts at most; what is rarer is counted together.
const CLASSES_MAX: usize = 40;

/// Writes a video's part. `samples` reads its frames, where it is there.
pub(super) fn write(survey: &Survey, samples: Option<Samples<'_>>, out: &mut dyn Write) -> io::Result<()> {
    let (word, title) = ending(survey);
    writeln!(
        out,
        "<section><h2><bdi>{}</bdi> <span class=\"end {word}\">{title}</span></h2>",
        Text(&survey.header.input)
    )?;
    write_facts(survey, out)?;
    write!(out, "<figure class=\"card\">")?;
    plot::write(survey, out)?;
    writeln!(
        out,
        "<figcaption>Objects over time, on average in a frame. Point at it for figures.</figcaption></figure>"
    )?;
    // One frame at a time: a page of many pictures takes no more memory than one of few.
    let mut records = survey.best.iter();
    let mut read = || records.by_ref().find_map(|record| Some((record, samples?.read(record)?)));
    let first = read();
    write!(out, "<div class=\"pair\">")?;
    write_counts(survey, out)?;
    write_heat_map(survey, first.as_ref().map(|(_, sample)| sample), out)?;
    writeln!(out, "</div>")?;
    if let Some((record, sample)) = first {
        write!(out, "<h3>Sample frames</h3><div class=\"samples\">")?;
        write_sample(record.timestamp_ms, record.detections.len(), &sample, out)?;
        drop(sample);
        while let Some((record, sample)) = read() {
            write_sample(record.timestamp_ms, record.detections.len(), &sample, out)?;
        }
        writeln!(out, "</div>")?;
    }
    writeln!(out, "</section>")
}

/// How a video ended: a word for its colour, and words for people.
pub(super) fn ending(survey: &Survey) -> (&'static str, String) {
    let Some(end) = &survey.end else { return ("broken", "interrupted".to_owned()) };
    match (&*end.end, end.damaged_at_ms) {
        ("complete", _) => ("whole", "complete".to_owned()),
        ("truncated", _) => ("cut", "cut at a limit".to_owned()),
        (_, Some(at)) => ("broken", format!("damaged at {}", clock(at))),
        _ => ("broken", "damaged".to_owned()),
    }
}

fn write_facts(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    let (header, summary) = (&survey.header, &survey.summary);
    write!(out, "<dl class=\"facts card\">")?;
    write_fact(out, "Model", &header.model)?;
    write_fact(out, "Engine", &format!("{} · {}", header.engine, header.precision))?;
    write_fact(out, "Frames looked at", &count(summary.frames))?;
    write_fact(out, "Objects", &count(summary.detections))?;
    let (from, to) = (summary.first_ms, summary.first_ms + summary.duration_ms);
    write_fact(out, "Time", &format!("{} – {}", clock(from), clock(to)))?;
    if let Some(image) = survey.image {
        write_fact(out, "Picture", &format!("{} × {}", image.width, image.height))?;
    }
    write_fact(out, "Frames chosen", &choice(survey))?;
    if let Some(rate) = survey.end.as_ref().and_then(|end| end.performance.get("frames_per_second")?.as_f64()) {
        write_fact(out, "Worked at", &format!("{} frames/s", short(rate)))?;
    }
    writeln!(out, "</dl>")
}

fn write_fact(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", Text(value))
}

/// Which frames were looked at, in words.
fn choice(survey: &Survey) -> String {
    let choice = &survey.header.choice;
    let mut words = Vec::new();
    if choice.keyframes {
        words.push("key frames".to_owned());
    }
    if choice.every.get() > 1 {
        words.push(format!("one in {}", choice.every));
    }
    words.extend(choice.fps.map(|fps| format!("{} a second at most", short(fps))));
    words.extend(choice.scene_change.map(|least| format!("changes of scene over {least}")));
    words.extend(choice.frames_max.map(|most| format!("{} at most", count(most))));
    if choice.start_s > 0.0 {
        words.push(format!("from {}", clock(choice.start_s * 1_000.0)));
    }
    words.extend(choice.end_s.map(|end| format!("up to {}", clock(end * 1_000.0))));
    if words.is_empty() { "all".to_owned() } else { words.join(", ") }
}

fn write_counts(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"card\"><h3>Counts</h3>")?;
    let mut classes: Vec<_> = survey.summary.classes.iter().collect();
    if classes.is_empty() {
        return write!(out, "<p class=\"faint\">Nothing was found.</p></div>");
    }
    classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.detections));
    let rest = classes.split_off(classes.len().min(CLASSES_MAX));
    write!(
        out,
        "<table><thead><tr><th>class<th>objects<th>in frames<th>most at once<th>first<th>last<th>best score</tr></thead><tbody>"
    )?;
    let frames = survey.summary.frames.max(1) as f64;
    for (label, class) in classes {
        let swatch = color(class_color(survey.class_id(label)));
        let share = short(100.0 * class.frames as f64 / frames);
        write!(out, "<tr><td><i style=\"background:{swatch}\"></i><bdi>{}</bdi>", Text(label))?;
        write!(out, "<td>{}<td>{} <small>{share} %</small>", count(class.detections), count(class.frames))?;
        write!(out, "<td>{}<td>{}<td>{}", class.most_in_a_frame, clock(class.first_ms), clock(class.last_ms))?;
        write!(out, "<td>{:.2}</tr>", class.score_max)?;
    }
    write!(out, "</tbody></table>")?;
    if !rest.is_empty() {
        let objects: u64 = rest.iter().map(|(_, class)| class.detections).sum();
        write!(out, "<p class=\"faint\">And {} rarer classes with {} objects.</p>", rest.len(), count(objects))?;
    }
    write!(out, "</div>")
}

/// The heat map over a frame, where there is one.
fn write_heat_map(survey: &Survey, sample: Option<&Sample>, out: &mut dyn Write) -> io::Result<()> {
    let (Some(png), Some(image)) = (survey.heat_map.png(), survey.image) else { return Ok(()) };
    write!(out, "<figure class=\"card\"><h3>Where</h3>")?;
    write!(out, "<div class=\"heat\" style=\"aspect-ratio:{}/{}\">", image.width.max(1), image.height.max(1))?;
    if let Some(sample) = sample {
        write_image("jpeg", &sample.bare, "A frame of the video", out)?;
    }
    write_image("png", &png, "How often boxes lay on each part of the picture", out)?;
    write!(out, "</div><figcaption>How often boxes lay on each part of the picture.</figcaption></figure>")
}

fn write_sample(timestamp_ms: f64, objects: usize, sample: &Sample, out: &mut dyn Write) -> io::Result<()> {
    let time = clock(timestamp_ms);
    write!(out, "<figure>")?;
    write_image("jpeg", &sample.drawn, &format!("The frame at {time}"), out)?;
    let word = if objects == 1 { "object" } else { "objects" };
    write!(out, "<figcaption><b>{time}</b> {objects} {word}</figcaption></figure>")
}

fn write_image(kind: &str, bytes: &[u8], words: &str, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<img alt=\"{}\" src=\"data:image/{kind};base64,{}\">", Text(words), STANDARD.encode(bytes))
}
