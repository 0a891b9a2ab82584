//! Decoding of each layout on outputs small enough to be read, and what happens to values that are not numbers.

use super::*;

/// An input of one 32-pixel cell, four of 16 and sixteen of 8.
const SIZE: (u32, u32) = (32, 32);
const CELLS: usize = 21;

fn head(layout: Layout, classes: usize) -> Head {
    Head { output: 0, layout, classes, channels: layout.box_channels() + classes, strides: Strides::USUAL }
}

fn query(score_min: f32) -> Query<'static> {
    Query { size: SIZE, score_min, classes: None }
}

fn collect<T>(head: &Head, shape: [usize; 2], data: &[T], query: &Query<'_>) -> Result<Candidates, TaskError>
where
    for<'a> TensorRef<'a>: From<(&'a [usize], &'a [T])>,
{
    let mut found = Candidates::default();
    head.collect(&TensorRef::from((&shape[..], data)), query, &mut found)?;
    Ok(found)
}

/// Rows of an anchor-major output, all zero but for those given.
fn rows(anchors: usize, channels: usize, given: &[(usize, &[f32])]) -> Vec<f32> {
    let mut data = vec![0.0; anchors * channels];
    for (anchor, values) in given {
        data[anchor * channels..][..values.len()].copy_from_slice(values);
    }
    data
}

fn transposed(data: &[f32], channels: usize) -> Vec<f32> {
    let anchors = data.len() / channels;
    (0..channels).flat_map(|c| (0..anchors).map(move |a| data[a * channels + c])).collect()
}

#[test]
fn class_major_and_anchor_major_say_the_same() {
    let data = rows(CELLS, 6, &[(3, &[10.0, 20.0, 4.0, 6.0, 0.2, 0.8]), (7, &[5.0, 5.0, 2.0, 2.0, 0.9, 0.1])]);
    let expected = vec![
        Candidate { anchor: 7, class: 0, score: 0.9, bbox: [4.0, 4.0, 6.0, 6.0] },
        Candidate { anchor: 3, class: 1, score: 0.8, bbox: [8.0, 17.0, 12.0, 23.0] },
    ];
    let found = collect(&head(Layout::AnchorMajor, 2), [CELLS, 6], &data, &query(0.25)).unwrap();
    assert_eq!(found.items, expected);
    let found = collect(&head(Layout::ClassMajor, 2), [6, CELLS], &transposed(&data, 6), &query(0.25)).unwrap();
    assert_eq!(found.items, expected);
}

#[test]
fn a_score_of_exactly_the_threshold_is_left_out() {
    let data = rows(CELLS, 5, &[(0, &[1.0, 1.0, 1.0, 1.0, 0.5]), (1, &[1.0, 1.0, 1.0, 1.0, 0.75])]);
    let found = collect(&head(Layout::AnchorMajor, 1), [CELLS, 5], &data, &query(0.5)).unwrap();
    assert_eq!(found.items.iter().map(|c| c.anchor).collect::<Vec<_>>(), [1]);
}

#[test]
fn objectness_multiplies_the_class_score() {
    let data = rows(3 * CELLS, 7, &[(62, &[10.0, 10.0, 4.0, 4.0, 0.5, 0.25, 0.75])]);
    let found = collect(&head(Layout::Objectness, 2), [3 * CELLS, 7], &data, &query(0.25)).unwrap();
    assert_eq!(found.items, [Candidate { anchor: 62, class: 1, score: 0.375, bbox: [8.0, 8.0, 12.0, 12.0] }]);
}

#[test]
fn cells_are_decoded_relative_to_their_place() {
    // Cell 17 is the second of the four 16-pixel cells: column 1, row 0.
    let data = rows(CELLS, 6, &[(17, &[0.5, 0.25, 0.0, 2.0_f32.ln(), 0.5, 1.0])]);
    let found = collect(&head(Layout::Cells, 1), [CELLS, 6], &data, &query(0.25)).unwrap();
    let [only] = found.items.as_slice() else { panic!("one candidate, got {:?}", found.items) };
    assert_eq!((only.class, only.score), (0, 0.5));
    for (edge, expected) in only.bbox.iter().zip([16.0, -12.0, 32.0, 20.0]) {
        assert!((edge - expected).abs() < 1e-4, "{:?}", only.bbox);
    }
}

#[test]
fn the_class_filter_looks_at_the_best_class_alone() {
    // ultralytics takes an anchor's best class first and filters then: anchor 0 is no person, though it scores as one.
    let data = rows(CELLS, 6, &[(0, &[1.0, 1.0, 1.0, 1.0, 0.6, 0.9]), (1, &[1.0, 1.0, 1.0, 1.0, 0.7, 0.1])]);
    let only_first = Query { classes: Some(&[0, 99]), ..query(0.25) };
    for (layout, shape, data) in
        [(Layout::AnchorMajor, [CELLS, 6], data.clone()), (Layout::ClassMajor, [6, CELLS], transposed(&data, 6))]
    {
        let found = collect(&head(layout, 2), shape, &data, &only_first).unwrap();
        assert_eq!(found.items.iter().map(|c| (c.anchor, c.class)).collect::<Vec<_>>(), [(1, 0)], "{layout:?}");
    }
}

#[test]
fn half_precision_reads_as_single() {
    let data = rows(CELLS, 6, &[(3, &[10.0, 20.0, 4.0, 6.0, 0.25, 0.75])]);
    let halves = |data: &[f32]| data.iter().map(|v| f16::from_f32(*v)).collect::<Vec<_>>();
    for (layout, shape, data) in
        [(Layout::AnchorMajor, [CELLS, 6], data.clone()), (Layout::ClassMajor, [6, CELLS], transposed(&data, 6))]
    {
        let single = collect(&head(layout, 2), shape, &data, &query(0.25)).unwrap();
        let half = collect(&head(layout, 2), shape, &halves(&data), &query(0.25)).unwrap();
        assert_eq!(single.items, half.items);
    }
}

#[test]
fn what_is_not_a_number_is_left_out_and_counted() {
    let data = rows(
        CELLS,
        6,
        &[
            (0, &[f32::NAN, 1.0, 1.0, 1.0, 0.9, 0.1]),
            (1, &[1.0, 1.0, f32::INFINITY, 1.0, 0.9, 0.1]),
            (2, &[1.0, 1.0, 1.0, 1.0, f32::NAN, f32::NAN]),
            (3, &[1.0, 1.0, 1.0, 1.0, f32::INFINITY, 0.1]),
            (4, &[1.0, 1.0, 1.0, 1.0, f32::NAN, 0.9]),
        ],
    );
    for (layout, shape, data) in
        [(Layout::AnchorMajor, [CELLS, 6], data.clone()), (Layout::ClassMajor, [6, CELLS], transposed(&data, 6))]
    {
        let found = collect(&head(layout, 2), shape, &data, &query(0.25)).unwrap();
        assert_eq!(found.items.iter().map(|c| c.anchor).collect::<Vec<_>>(), [4], "{layout:?}");
        assert_eq!(found.not_finite, 4, "{layout:?}");
    }
}

#[test]
fn an_output_without_a_number_is_an_error() {
    for (layout, shape) in [
        (Layout::AnchorMajor, [CELLS, 6]),
        (Layout::ClassMajor, [6, CELLS]),
        (Layout::Objectness, [3 * CELLS, 7]),
        (Layout::Cells, [CELLS, 7]),
    ] {
        let data = vec![f32::NAN; shape[0] * shape[1]];
        let error = collect(&head(layout, 2), shape, &data, &query(0.25)).unwrap_err();
        assert!(error.to_string().contains("no score that is a number"), "{layout:?}: {error}");
    }
}

#[test]
fn an_output_of_another_shape_is_an_error() {
    let data = vec![0.0_f32; 6 * CELLS];
    for shape in [[CELLS, 6], [3, 2 * CELLS]] {
        assert!(collect(&head(Layout::ClassMajor, 2), shape, &data, &query(0.25)).is_err());
    }
    let mut found = Candidates::default();
    let whole = TensorRef::from((&[1, 6, CELLS][..], &data[..]));
    assert!(head(Layout::ClassMajor, 2).collect(&whole, &query(0.25), &mut found).is_err());
    let integers = vec![0_i64; 6 * CELLS];
    let integers = TensorRef::from((&[6, CELLS][..], &integers[..]));
    assert!(head(Layout::ClassMajor, 2).collect(&integers, &query(0.25), &mut found).is_err());
}
