//! The ratios as a picture: a line for each store and request, over the number of live tokens.

use std::collections::BTreeMap;

use super::{Figures, Name, grown::float, report::ratios};

const LEFT: f64 = 50.0;
const TOP: f64 = 40.0;
const HEIGHT: f64 = 260.0;
/// From one power of ten to the next.
const STEP: f64 = 130.0;
/// The ratio at the upper edge.
const MOST: f64 = 2.5;

/// A picture of the ratios.
pub(super) fn chart(all: &BTreeMap<Name, Figures>) -> String {
    let mut body = String::new();
    for (mark, label) in [(0.0, "0"), (1.0, "1"), (1.3, "1.3"), (2.0, "2")] {
        let y = height(mark);
        body += &format!(
            "<path d=\"M{LEFT} {y:.0}H440\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.0}\" text-anchor=\"end\">{label}</text>\n",
            LEFT - 6.0,
            y + 4.0
        );
    }
    for (exponent, sign) in [(4, '⁴'), (5, '⁵'), (6, '⁶'), (7, '⁷')] {
        body += &format!(
            "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">10{sign}</text>\n",
            across(10_u64.pow(exponent)),
            TOP + HEIGHT + 18.0
        );
    }
    let mut legend = TOP + 10.0;
    for (name, figures) in all {
        let colour = match name {
            Name::Memory => "#2a6f97",
            Name::Sqlite => "#c8553d",
            Name::Postgres => "#588157",
        };
        let sizes = &figures.sizes;
        let issue: Vec<_> = sizes.iter().map(|size| ratios(size, sizes).0).collect();
        let introspect: Vec<_> = sizes.iter().map(|size| ratios(size, sizes).1).collect();
        for (what, line, dashes) in [("issue", issue, "none"), ("introspect", introspect, "6 4")] {
            let points: Vec<_> = sizes
                .iter()
                .zip(line)
                .map(|(size, ratio)| format!("{:.1},{:.1}", across(size.tokens), height(ratio)))
                .collect();
            let style = format!(
                "fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\""
            );
            body += &format!(
                "<polyline points=\"{}\" {style}/><path d=\"M470 {:.0}h30\" {style}/><text x=\"508\" y=\"{legend:.0}\">{}, {what}</text>\n",
                points.join(" "),
                legend - 4.0,
                name.title()
            );
            legend += 20.0;
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 340\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"18\">CPU time of a request over HTTP ÷ that at ten thousand live tokens</text>\n{body}</svg>\n"
    )
}

fn across(tokens: u64) -> f64 {
    LEFT + (float(tokens).log10() - 4.0) * STEP
}

fn height(ratio: f64) -> f64 {
    TOP + HEIGHT * (1.0 - ratio.min(MOST) / MOST)
}
