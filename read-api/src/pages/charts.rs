//! Charts as SVG: a line over an area, from the oldest value on the left to the newest on the right.

use maud::{Markup, html};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 72.0;
/// Room for the line's own width.
const MARGIN: f64 = 2.0;

/// One point a value; the scale goes from zero to the largest of them. Fewer than two values make no line.
pub(super) fn line(label: &str, values: &[f64]) -> Markup {
    let points = points(values);
    let path = |points: &[(f64, f64)]| {
        let pairs = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}"));
        pairs.collect::<Vec<_>>().join(" ")
    };
    let mut area = points.clone();
    if let (Some(first), Some(last)) = (points.first(), points.last()) {
        area.extend([(last.0, HEIGHT), (first.0, HEIGHT)]);
    }
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
            line.base x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
            @if points.len() > 1 {
                polygon.area points=(path(&area)) {}
                polyline.line points=(path(&points)) {}
            }
        }
    }
}

fn points(values: &[f64]) -> Vec<(f64, f64)> {
    let largest = values.iter().copied().filter(|value| value.is_finite()).fold(0.0, f64::max);
    let scale = if largest > 0.0 { (HEIGHT - 2.0 * MARGIN) / largest } else { 0.0 };
    #[expect(clippy::cast_precision_loss, reason = "there are a few hundred values")]
    let place = |index: usize| index as f64 * WIDTH / values.len().saturating_sub(1).max(1) as f64;
    let height = |value: f64| if value.is_finite() { value.max(0.0) * scale } else { 0.0 };
    values.iter().enumerate().map(|(index, &value)| (place(index), HEIGHT - MARGIN - height(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_from_edge_to_edge_within_the_chart() {
        let drawn = points(&[0.0, 5.0, 10.0]);
        assert_eq!(drawn, [(0.0, 70.0), (150.0, 36.0), (300.0, 2.0)]);
        for odd in [&[][..], &[7.0], &[0.0, 0.0], &[f64::NAN, f64::INFINITY, -1.0]] {
            assert!(
                points(odd).iter().all(|(x, y)| (0.0..=WIDTH).contains(x) && (0.0..=HEIGHT).contains(y)),
                "{odd:?}"
            );
        }
    }
}
