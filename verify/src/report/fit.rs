//! Making text fit: lane widths, folded lists, wrapped lines.

/// Columns of a whole table, and of every text.
pub const WIDTH: usize = 100;
/// The narrowest lane; its text may run on into the lanes right of it.
const NARROW: usize = 6;

/// Lane widths that fit in `room`: the widest but the last give way.
pub fn fit(mut widths: Vec<usize>, room: usize) -> Vec<usize> {
    while widths.iter().sum::<usize>() > room {
        let last = widths.len() - 1;
        let at = (0..last).max_by_key(|&at| widths[at]).filter(|&at| widths[at] > NARROW);
        widths[at.unwrap_or(last)] -= 1;
    }
    widths
}

/// Puts entries into lines of `width` columns; an entry longer than that is cut at a comma.
pub fn fold(entries: &[String], width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for entry in entries {
        for (at, part) in entry.split_inclusive(", ").enumerate() {
            let gap = if at == 0 { "  " } else { "" };
            match lines.last_mut() {
                Some(line) if line.len() + gap.len() + part.trim_end().len() <= width => {
                    line.push_str(gap);
                    line.push_str(part);
                }
                _ => lines.push(part.to_owned()),
            }
        }
    }
    lines
}

/// A text in lines of at most `width` columns, each with the indent, later ones with two more; a
/// word is never cut. Double spaces at the breaks between words are kept.
pub fn wrap(text: &str, indent: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut line = indent.to_owned();
    for word in text.split(' ') {
        if line.len() > indent.len() && line.len() + 1 + word.len() > width {
            lines.push_str(line.trim_end());
            lines.push('\n');
            line = format!("{indent}  ");
        } else if line.len() > indent.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push_str(line.trim_end());
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_give_way_from_the_left_and_held_locks_fold() {
        assert_eq!(fit(vec![30, 20, 25], 60), [18, 17, 25]);
        assert_eq!(fit(vec![30, 30, 30], 30), [6, 6, 18]);
        let held = ["W: i_mutex, i_data_sem R".to_owned(), "T: ext4_aio_mutex".to_owned()];
        assert_eq!(fold(&held, 50), ["W: i_mutex, i_data_sem R  T: ext4_aio_mutex"]);
        assert_eq!(fold(&held, 20), ["W: i_mutex, ", "i_data_sem R", "T: ext4_aio_mutex"]);
    }

    #[test]
    fn long_lines_are_wrapped_between_words() {
        assert_eq!(wrap("a  b c", "  ", 20), "  a  b c\n");
        assert_eq!(wrap("one two three", "", 8), "one two\n  three\n");
        assert_eq!(wrap("unbreakable", " ", 4), " unbreakable\n");
    }
}
