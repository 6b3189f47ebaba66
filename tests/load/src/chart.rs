//! A run as a picture: memory, hostile connections and honest echoes over time.

use std::fmt::Write as _;

use crate::judge::Run;

const LEFT: f64 = 84.0;
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 96.0;
const GAP: f64 = 44.0;
const TOP: f64 = 66.0;

const STYLE: &str = "
svg { font: 12px system-ui, sans-serif; background: #ffffff }
text { fill: #1f2328 } .dim { fill: #59636e } line { stroke: #d1d9e0 }
polyline { fill: none; stroke-width: 1.5; stroke-linejoin: round } .fit { stroke: #1f2328; stroke-dasharray: 5 4 }
.memory { stroke: #0969da } .hostile { stroke: #cf222e } .honest { stroke: #1a7f37 }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117 }
text { fill: #f0f6fc } .dim { fill: #9198a1 } line { stroke: #3d444d } .fit { stroke: #f0f6fc }
.memory { stroke: #4493f8 } .hostile { stroke: #f85149 } .honest { stroke: #3fb950 }
}
";

/// One curve with its own scale, which begins at 0.
struct Panel<'r> {
    class: &'static str,
    title: String,
    points: Vec<(f64, f64)>,
    fit: Option<&'r [(f64, f64); 2]>,
}

pub(crate) fn svg(runs: &[Run]) -> String {
    let panels: Vec<Panel<'_>> = runs.iter().flat_map(panels).collect();
    let width = LEFT + WIDTH + 24.0;
    let height = TOP + (HEIGHT + GAP) * panels.len() as f64 + 8.0;
    let last = panels.iter().filter_map(|panel| panel.points.last());
    let seconds = last.map(|(time, _)| *time).fold(1.0, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>Echo servers under hostile \
         clients</title>\n<style>{STYLE}</style>\n<text x=\"12\" y=\"22\" font-size=\"15\">Echo \
         servers under hostile clients, {seconds:.0} seconds</text>\n<text class=\"dim\" x=\"12\" \
         y=\"40\">Sampled every second. The broken line is the fit that has to be flat; every \
         honest echo was checked.</text>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        panel.draw(&mut svg, TOP + (HEIGHT + GAP) * index as f64, seconds);
    }
    svg.push_str("</svg>\n");
    svg
}

fn panels(run: &Run) -> [Panel<'_>; 3] {
    let rate = |count: fn(&crate::judge::Sample) -> u64| {
        let points = run.samples.windows(2).map(|pair| {
            let time = (pair[1].time - pair[0].time).max(0.001);
            let counted = count(&pair[1]).saturating_sub(count(&pair[0]));
            (pair[1].time, counted as f64 / time)
        });
        points.collect()
    };
    let totals = run.samples.last().map_or((0, 0), |s| (s.opened, s.echoes));
    [
        Panel {
            class: "memory",
            title: format!(
                "{}: resident memory, MiB; the fit {} by {:.1} MiB",
                run.name,
                if run.rise < 0.0 { "falls" } else { "rises" },
                run.rise.abs(),
            ),
            points: run.memory(),
            fit: Some(&run.fit),
        },
        Panel {
            class: "hostile",
            title: format!(
                "{}: hostile connections a second; {} in all",
                run.name, totals.0
            ),
            points: rate(|sample| sample.opened),
            fit: None,
        },
        Panel {
            class: "honest",
            title: format!(
                "{}: honest echoes a second; {} in all, the slowest {:.0} ms",
                run.name, totals.1, run.slowest
            ),
            points: rate(|sample| sample.echoes),
            fit: None,
        },
    ]
}

impl Panel<'_> {
    fn draw(&self, svg: &mut String, top: f64, seconds: f64) {
        let bottom = top + HEIGHT;
        let most = round_up(
            self.points
                .iter()
                .map(|(_, value)| *value)
                .fold(1.0, f64::max),
        );
        let place = |(time, value): (f64, f64)| {
            let x = LEFT + WIDTH * time / seconds;
            format!("{x:.1},{:.1} ", bottom - HEIGHT * value / most)
        };
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{}\">{}</text>",
            top - 8.0,
            self.title.replace('&', "&amp;").replace('<', "&lt;")
        );
        for part in [0.0, 0.5, 1.0] {
            let y = bottom - HEIGHT * part;
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>\
                 <text class=\"dim\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                LEFT + WIDTH,
                LEFT - 8.0,
                y + 4.0,
                most * part
            );
        }
        for part in 0..=4 {
            let time = seconds * f64::from(part) / 4.0;
            let _ = writeln!(
                svg,
                "<text class=\"dim\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{time:.0} s</text>",
                LEFT + WIDTH * f64::from(part) / 4.0,
                bottom + 16.0
            );
        }
        let points: String = self.points.iter().map(|point| place(*point)).collect();
        let _ = writeln!(
            svg,
            "<polyline class=\"{}\" points=\"{}\"/>",
            self.class,
            points.trim_end()
        );
        if let Some([from, to]) = self.fit {
            let _ = writeln!(
                svg,
                "<polyline class=\"fit\" points=\"{}{}\"/>",
                place(*from),
                place(*to).trim_end()
            );
        }
    }
}

/// The next number that has one digit behind which only zeros come; an even one, so that its half
/// is short, too.
fn round_up(most: f64) -> f64 {
    let unit = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let step = steps.iter().find(|step| **step * unit >= most);
    step.unwrap_or(&10.0) * unit
}
