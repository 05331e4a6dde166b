//! The ratios as a picture: a bar for each server and flow, as long as the share of its CPU time that the bare endpoint needs.

use super::report::Line;

const BAR: usize = 16;
const GAP: usize = 14;
const LEFT: usize = 150;
const WIDTH: f64 = 460.0;

/// A picture of the ratios.
pub(super) fn chart(lines: &[Line]) -> String {
    let mut bars = String::new();
    let mut top = 30;
    let mut flow = "";
    for line in lines.iter().filter(|line| line.server != "bare hyper") {
        if line.flow != flow {
            flow = line.flow;
            top += GAP;
            bars += &format!(
                "<text x=\"0\" y=\"{}\" font-weight=\"bold\">{flow}</text>\n",
                top + BAR - 4
            );
            top += BAR + 2;
        }
        let colour = if line.server.starts_with("this") {
            "#2a6f97"
        } else {
            "#b0b0b0"
        };
        let length = (line.ratio.min(1.0) * WIDTH).round();
        bars += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect x=\"{LEFT}\" y=\"{top}\" width=\"{length}\" height=\"{}\" \
             fill=\"{colour}\"/><text x=\"{}\" y=\"{}\">{:.2}</text>\n",
            LEFT - 8,
            top + BAR - 4,
            line.server,
            BAR - 2,
            f64::from(u32::try_from(LEFT).unwrap_or(0)) + length + 6.0,
            top + BAR - 4,
            line.ratio,
        );
        top += BAR;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"0\" y=\"16\">CPU time of a bare hyper endpoint ÷ CPU time of the server, for a request; 1 is the ceiling</text>\n\
         {bars}</svg>\n",
        top + GAP
    )
}
