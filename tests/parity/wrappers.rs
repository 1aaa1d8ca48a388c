//! How other programs call `parallel`: the forms that wrappers, build files and hooks in Debian have, in scripts of our
//! own.

use crate::companions::Script;

/// Scripts, each with what it prints if all is there that it needs.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("regions and a command in an array", REGIONS, "call -f"),
    ("records of sequences", SEQUENCES, ">s3"),
    ("lists of commands and of files", LISTS, "three"),
    ("names that end in NUL", NAMES, "c_a"),
    ("as xargs", XARGS, "a b c"),
    ("a make file", MAKE, "made b"),
    ("a hook of git", HOOK, "checked"),
    ("functions, errors, dry runs", SHELL, "failed"),
    (
        "scripts that name it in their first line",
        FIRST_LINES,
        "perl: a",
    ),
    ("this machine as a host", HOSTS, "here"),
    ("descriptors closed that nobody needs", CLOSED, "went on"),
    ("standard input closed and read", CLOSED_INPUT, "ended"),
    ("standard output closed and written", CLOSED_OUTPUT, "ended"),
];

pub fn scripts() -> Vec<Script> {
    let scripts = SCRIPTS.iter();
    scripts
        .map(|(name, text, proof)| Script::of_bash(name, text, proof))
        .collect()
}

const REGIONS: &str = r#"
printf 'chr1:0-10\nchr1:10-20\nchr2:0-7\n' >regions
call() { echo "call $*"; }
export -f call
command=(call -f "ref x.fa" in.bam)
cat regions | parallel -k -j 3 "${command[@]}" --region {}
parallel -k -j "$(nproc)" -a <(cat regions) call {1} : {#}
cat regions | parallel --gnu -k -j2 "call {} | tr a-z A-Z" | head -n2
"#;

const SEQUENCES: &str = r#"
printf '>s%d\nACGT\nGG\n' 1 2 3 4 >f.fa
printf '@r%d\nACGT\n+\nIIII\n' 1 2 3 4 5 6 >f.fq
cat >fasta-jobs <<'END'
#!/bin/sh
exec parallel --pipe --recstart '>' "$@"
END
cat >fastq-jobs <<'END'
#!/bin/sh
exec parallel --pipe -L4 "$@"
END
chmod +x fasta-jobs fastq-jobs
./fasta-jobs -k -N1 'grep -c . ; echo --' <f.fa
./fasta-jobs -j2 --block 20 cat <f.fa | sort
./fastq-jobs -k -N2 'head -n1; cat >/dev/null' <f.fq
parallel --pipe --round -j2 --recstart '>' cat <f.fa | sort
parallel --pipe --round -j2 -L8 cat <f.fq | sort
cat f.fa | parallel --gnu --plain -j 2 --block 20 --recstart '>' --pipe grep '[^A]' | sort
printf 'a\nb\n__\nc\n__\nd\n__\n' | parallel -j 4 --keep-order --remove-rec-sep --pipe --remove-rec-sep --recend '__\n' --block 1m 'cat; echo end'
"#;

const LISTS: &str = r#"
printf 'echo one\necho two; echo three\nfalse\n' >commands
parallel --gnu -j 1 <commands; echo $?
parallel --gnu -k :::: commands; echo $?
touch p.1a p.1b p.2a p.2b
parallel -k --gnu --xapply sh -c '"echo $0 $1"' ::: p.1* ::: p.2*
mkdir -p src/x; touch src/a.sh src/x/b.sh
find src -type f | sort | parallel -k -v -- mkdir -p reports'/'{//} ';' echo {} '>' reports/{}.log
cat reports/src/a.sh.log reports/src/x/b.sh.log
parallel -k echo '{}' '>' '{.}.out' ';' cat '{.}.out' ::: p.1a
parallel -k <<END
echo a
echo b
END
"#;

const NAMES: &str = r#"
mkdir d; touch "d/it's" 'd/a  b' $'d/new\nline' 'd/-n' 'd/$HOME'
find d -type f -print0 | sort -z | parallel -0 -k echo '[{}]'
find d -type f -print0 | sort -z | parallel -0 -k -X echo
find d -type f -print0 | sort -z | parallel --null -kj4 'basename {}; dirname {}'
find d -type f -print0 | sort -z | parallel -0 -k -n2 printf "'<%s>'"
find d -type f -name 'a*' -print0 | parallel -0 mv {} {//}/c_{/}; ls d | wc -l
find nosuch -print0 2>/dev/null | parallel -0 -r rm; echo $?
find d -type f -print0 | sort -z | parallel -0 -k -I% echo %.bak
ls d | parallel -k --no-run-if-empty echo | wc -l
"#;

const XARGS: &str = r#"
printf '%s\n' a b c d e >list
parallel -k -n3 echo <list
parallel -k -n 3 -P 2 echo <list
parallel -k -L2 echo <list
parallel -k -m -j1 echo <list
parallel -X -j1 echo pre-{}-post <list
parallel -k -I {} -P4 sh -c 'echo "got {}"' <list
parallel -k --max-args=2 --max-procs=2 echo <list
parallel -k -i echo {}{} <list
parallel -k -t echo <list 2>&1 | sort
parallel -k -E c echo <list
parallel -k -s 30 -m -j1 echo <list
parallel -k --arg-file list --max-lines=2 echo
xargs -n2 <list | parallel -k --colsep ' ' echo {2}-{1}
"#;

const MAKE: &str = r"
command -v make >/dev/null || { echo made b; exit; }
cat >Makefile <<'END'
all:
	@parallel -k -j2 'echo made {}' ::: a b
	@printf '1\n2\n' | parallel -k $(MAKE) -s one N={}
one:
	@echo one $(N)
fail:
	-@parallel 'exit {}' ::: 0 3
	@echo went on
END
make -s all
make -s -j2 all
make -s fail 2>/dev/null
make -s all SHELL=/bin/bash
";

const HOOK: &str = r#"
command -v git >/dev/null || { echo checked; exit; }
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x
git init -q r; cd r
cat >.git/hooks/pre-commit <<'END'
#!/bin/bash
check() { ! grep -q bad "$1" && echo "checked $1"; }
export -f check
git diff --cached --name-only -z | parallel -0 -k --halt soon,fail=1 -j1 check >&2
END
chmod +x .git/hooks/pre-commit
echo good >'a b'; echo good >c; git add .
git commit -q -m one 2>&1; echo $?
echo bad >c; git add .
git commit -q -m two 2>&1 | grep -v '^parallel'; git log --oneline | wc -l
git ls-files -z | parallel -0 -k 'wc -c <{}'
"#;

const SHELL: &str = r#"
work() { echo "work $1 $2"; [ "$1" != b ]; }
export -f work
parallel -k --link work ::: a b c ::: 1 2 3 || echo failed
parallel -j1 --halt now,fail=1 work {} x ::: a b c >out 2>/dev/null || echo "failed $?"; cat out
touch x.txt y.txt
ls *.txt | parallel --dry-run mv {} {.}.md | sort | sh; ls *.md
seq 3 | parallel --no-notice --will-cite -k --tag echo
value=$(echo q | parallel echo {}{}); echo "$value"
: | parallel echo never; echo $?
seq 4 | parallel -k -j 50% --delay 0.01 --timeout 20 --retries 2 'echo {}'
nohup parallel -k echo ::: hup 2>/dev/null | cat
parallel -k 'echo {1} {2}' ::: a b :::: <(seq 2)
parallel --joblog log -j1 'exit {}' ::: 0 2; cut -f1,7,9 log
parallel --joblog log --resume-failed -j1 'echo again {}; exit {}' ::: 0 2; cut -f1,7 log
set -o pipefail; seq 2 | parallel 'exit {}' | cat; echo $?
cat list 2>/dev/null | parallel --colsep '\t' --header : echo {a} ; echo $?
parallel -k --env work --line-buffer work {} y ::: a
seq 9 | parallel -k --pipe -N3 'paste -sd+ | bc 2>/dev/null || true' | wc -l
"#;

const FIRST_LINES: &str = r#"
it=$(command -v parallel)
printf '#!%s --shebang-wrap -k /usr/bin/perl\nprint "perl: @ARGV\\n";\n' "$it" >p; chmod +x p
./p a 'b' c
./p ::: a b ::: c
printf '1\n2\n' | ./p
printf '#!%s --shebang-wrap -k -j2 /bin/bash\necho "bash: $1" "$(basename "$0" | wc -l)"\n' "$it" >b; chmod +x b
./b x y
if command -v python3 >/dev/null; then
  printf '#!%s --shebang-wrap -k %s\nimport sys\nprint("python:", sys.argv[1:])\n' "$it" "$(command -v python3)" >y
  chmod +x y; ./y 1 2
fi
printf '#!%s --shebang -k --no-notice echo\none\ntwo words\n' "$it" >l; chmod +x l
./l
printf '#!%s --shebang --no-notice -k\necho x\necho y; false\n' "$it" >c; chmod +x c
./c; echo $?
"#;

const HOSTS: &str = r"
parallel --nonall -S : echo here
parallel --onall -S : -k echo here {} ::: a b
parallel -k -S 2/: echo {} ::: a b
parallel -k --tag --nonall --sshlogin : 'echo x; exit 3'; echo $?
parallel -k --sshloginfile <(echo :) echo ::: z
";

const CLOSED: &str = r"
parallel -k echo ::: a b <&-; echo $?
parallel -k 'echo {}; echo no >&2' ::: a b 2>&-; echo $?
parallel -j1 'echo {} >>f' ::: a b >&-; echo $?; cat f
echo went on
";

const CLOSED_INPUT: &str = r"
parallel echo <&- 2>/dev/null; echo $?
parallel --pipe cat <&- 2>/dev/null; echo $?
parallel -k echo :::: - <&- 2>/dev/null; echo $?
echo ended
";

const CLOSED_OUTPUT: &str = r"
for how in -k --group --tag --line-buffer; do parallel $how echo ::: a >&- 2>/dev/null; echo $?; done
parallel --dry-run echo ::: a >&- 2>/dev/null; echo $?
echo ended
";
