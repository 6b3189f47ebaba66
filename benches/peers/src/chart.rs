//! The targets and where we are, as a picture.

use std::fmt::Write as _;

use crate::report::Verdict;

const LINE: f64 = 18.0;
const TOP: f64 = 64.0;
const LEFT: f64 = 560.0;
const WIDTH: f64 = 420.0;
/// The ratio at the right edge.
const MOST: f64 = 2.0;

const STYLE: &str = "
svg { font: 12px system-ui, sans-serif; background: #ffffff }
text { fill: #1f2328 } .dim { fill: #59636e } line { stroke: #d1d9e0 } .one { stroke: #59636e }
.met { fill: #1a7f37 } .missed { fill: #cf222e } .target { stroke: #1f2328; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117 }
text { fill: #f0f6fc } .dim { fill: #9198a1 } line { stroke: #3d444d } .one { stroke: #9198a1 }
.met { fill: #3fb950 } .missed { fill: #f85149 } .target { stroke: #f0f6fc }
}
";

/// A bar for each ratio, a mark where it is to be, and a line where the best peer is.
pub(crate) fn svg(verdicts: &[Verdict]) -> String {
    let bars: Vec<(&Verdict, f64)> = verdicts
        .iter()
        .filter(|verdict| verdict.is_ratio)
        .filter_map(|verdict| Some((verdict, verdict.ours?)))
        .collect();
    let bottom = TOP + LINE * bars.len() as f64;
    let (width, height) = (LEFT + WIDTH + 60.0, bottom + 16.0);
    let x = |ratio: f64| LEFT + WIDTH * (ratio / MOST).min(1.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>websocket-proto beside its \
         peers</title>\n<style>{STYLE}</style>\n"
    );
    svg.push_str(
        "<text x=\"12\" y=\"22\" font-size=\"15\">Time of websocket-proto, as a part of the best \
         peer's: shorter is better</text>\n<text class=\"dim\" x=\"12\" y=\"42\">The upright mark \
         is the target. Green is met.</text>\n",
    );
    for ratio in [0.5, 1.0, 1.5, 2.0] {
        let (at, class) = (x(ratio), if ratio == 1.0 { "one" } else { "" });
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{at}\" x2=\"{at}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text class=\"dim\" x=\"{at}\" y=\"{}\" text-anchor=\"middle\">{ratio}</text>",
            TOP - 6.0
        );
    }
    for (index, (verdict, ratio)) in bars.into_iter().enumerate() {
        let y = TOP + LINE * index as f64;
        let class = if verdict.is_met() { "met" } else { "missed" };
        let mut name = verdict.row.clone();
        if verdict.beside.starts_with('(') {
            let _ = write!(name, " {}", verdict.beside);
        }
        let target = x(verdict.target);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"{}\"/>\
             <line class=\"target\" x1=\"{target:.1}\" x2=\"{target:.1}\" y1=\"{}\" y2=\"{}\"/>\
             <text class=\"dim\" x=\"{:.1}\" y=\"{}\">{ratio:.2}</text>",
            LEFT - 8.0,
            y + 13.0,
            escaped(&name),
            y + 4.0,
            x(ratio) - LEFT,
            LINE - 8.0,
            y + 2.0,
            y + LINE - 2.0,
            x(ratio.max(verdict.target)) + 6.0,
            y + 13.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
