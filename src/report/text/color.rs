//! `--color`: a background and a text colour for each job, out of the terminal's 256.

/// The background of each job in turn, in the order in which GNU parallel 20221122 was seen to use them;
/// black text on it where the number is negative, white otherwise. Both are readable.
#[rustfmt::skip]
const BACKGROUNDS: [i16; 307] = [
    134, 21, 243, -149, 102, -231, 203, -78, 73, -208, 167, -6, 44, 22, 244, -150, 103, -249, 204,
    -79, 74, -209, 168, -7, 45, -186, 135, -151, 104, -250, 205, -80, 75, -210, 169, -9, 52, -187,
    136, 23, 245, -251, 206, -81, 76, -211, 170, -10, 53, -188, 137, 24, 246, -152, 105, -82, 77,
    -212, 171, -11, 54, -189, 138, 25, 247, -153, 106, -252, 207, -213, 172, -13, 55, -190, 139, 26,
    248, -154, 107, -253, 208, -83, 78, -14, 56, -191, 140, 27, 249, -155, 108, -254, 209, -84, 79,
    -214, 173, -192, 141, 28, 250, -156, 109, 1, 210, -85, 80, -215, 174, -15, 57, 29, -157, 110, 2,
    211, -86, 81, -216, 175, -40, 58, -193, 142, -158, 111, 3, 212, -87, 88, -217, 176, -41, 59,
    -194, 143, 30, 4, 213, -113, 89, -218, 177, -42, 60, -195, 144, 31, -159, 112, -114, 90, -219,
    178, -43, 61, -196, 145, 32, -171, 113, 5, 214, -220, 180, -44, 62, -197, 146, 33, -172, 114, 6,
    232, -115, 91, -45, 63, -198, 147, 34, -173, 124, 7, 233, -116, 92, -221, 182, -199, 148, 35,
    -174, 125, 8, 234, -117, 93, -222, 183, -46, 64, 36, -175, 126, 9, 235, -118, 94, -223, 184,
    -47, 65, -200, 149, -176, 127, 12, 236, -119, 95, -224, 196, -48, 66, -201, 160, 37, 13, 237,
    -120, 96, -225, 197, -49, 67, -202, 161, 38, -177, 128, -121, 97, -226, 198, -50, 68, -203, 162,
    39, -178, 129, 16, 238, -227, 199, -51, 69, -204, 163, 40, -179, 130, 17, 239, -122, 98, -75,
    70, -205, 164, 41, -180, 131, 18, 240, -123, 99, -228, 200, -206, 165, 42, -181, 132, 19, 241,
    -147, 100, -229, 201, -76, 71, 43, -182, 133, 20, 242, -148, 101, -230, 202, -77, 72, -207, 166,
    -185,
];

/// The background of a failed job.
const RED: i16 = 196;

/// Back to the terminal's own colours.
pub(super) const RESET: &[u8] = b"\x1b[m";

/// What begins a line in the colours of job number `seq`.
pub(super) fn of_job(seq: u64) -> Vec<u8> {
    let place = seq.saturating_sub(1) % BACKGROUNDS.len() as u64;
    escape(BACKGROUNDS[place as usize])
}

/// What begins a line of a job that has failed.
pub(super) fn of_failure() -> Vec<u8> {
    escape(RED)
}

/// The rest of the line takes the background, too.
fn escape(background: i16) -> Vec<u8> {
    let text = if background < 0 { "000" } else { "231" };
    let background = background.unsigned_abs();
    format!("\x1b[48;5;{background:03};38;5;{text}m\x1b[K").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_differ_and_the_colours_come_round() {
        for seq in 1..=1000 {
            assert_ne!(of_job(seq), of_job(seq + 1), "{seq}");
            assert_eq!(of_job(seq), of_job(seq + 307));
        }
        assert_eq!(of_job(1), b"\x1b[48;5;134;38;5;231m\x1b[K");
        assert_eq!(of_failure(), b"\x1b[48;5;196;38;5;231m\x1b[K");
    }
}
