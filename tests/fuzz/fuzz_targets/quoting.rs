//! Whatever a value is, the quoted value is one word of its shell, and that word is the value.

#![no_main]

use std::cell::RefCell;

use fanout::template::Quoting;
use fanout_fuzz::shell::Shell;
use fanout_fuzz::words;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static SH: RefCell<Shell> = RefCell::new(Shell::start());
}

type Reader = fn(&[u8]) -> Option<Vec<Vec<u8>>>;

const SHELLS: [(Quoting, Reader); 4] = [
    (Quoting::Posix, words::posix),
    (Quoting::Fish, words::fish),
    (Quoting::Csh, words::csh),
    (Quoting::Rc, words::rc),
];

fuzz_target!(|data: &[u8]| {
    // No argument of a program can hold a NUL; here it is between values.
    let values: Vec<&[u8]> = data.split(|&byte| byte == 0).collect();
    for (quoting, read) in SHELLS {
        let mut line = Vec::new();
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                line.push(b' ');
            }
            let start = line.len();
            quoting.append(value, &mut line);
            let mut in_place = [b"before ", *value].concat();
            quoting.quote_tail(&mut in_place, 7);
            assert_eq!(in_place[7..], line[start..], "two ways to quote {value:?}");
        }
        let read =
            read(&line).unwrap_or_else(|| panic!("{quoting:?} leaves a special byte: {line:?}"));
        assert_eq!(read, values, "{quoting:?}");
    }
    let mut raw = b"x".to_vec();
    Quoting::Raw.append(data, &mut raw);
    assert_eq!(raw[1..], *data);
    for value in values.iter().take(2) {
        let mut quoted = Vec::new();
        Quoting::Posix.append(value, &mut quoted);
        let read = SH.with_borrow_mut(|sh| sh.reads(&quoted));
        assert_eq!(read, *value, "sh reads {quoted:?}");
    }
});
