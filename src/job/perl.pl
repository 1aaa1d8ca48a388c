# Evaluates the expressions of command templates; see perl.rs for the other end.
#
# A message is a string with its length in front (32 bits, big endian), and is made of strings of the
# same form. Expressions live in the package Arg and see the job's argument in $_, all of them in @arg
# (from 1), and the functions below.

# A text that is Perl sees nothing of what is below.
sub Fanout::condition {
    package Condition;
    use strict;
    return eval $_[0];
}

package Fanout;
open(my $replies, '>&', \*STDOUT) or exit 1;
open(my $requests, '<&', \*STDIN) or exit 1;
open(STDOUT, '>&', \*STDERR);
$| = 1;
open(STDIN, '<', '/dev/null');
binmode $_ for $requests, $replies;
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = 'IGNORE';
our ($total, $slots, $name) = @ARGV;
@ARGV = ();
$Global::max_jobs_running = $slots;
our ($seq, $slot, $skip, $quoted) = (0, 0, 0, 1);
our (@compiled, @params, @same, %number);

my $buffer = '';
sub take {
    my ($want) = @_;
    while (length $buffer < $want) {
        sysread($requests, $buffer, 65536, length $buffer) or exit 0;
    }
    return substr($buffer, 0, $want, '');
}

# The answer: how many jobs were done, in which of them skip() was called, and for which values uq();
# why the next job could not be done, and by which expression; the values.
sub answer {
    my $message = pack('N/a*', pack('(N/a*)*', @_));
    my $sent = 0;
    while ($sent < length $message) {
        $sent += syswrite($replies, $message, length($message) - $sent, $sent) || exit 0;
    }
}

sub compile {
    my ($code, @values) = @_;
    my $number = @compiled;
    $params[$number] = \@values;
    # A parameter is a variable, so that what is in it is never taken for code.
    my $my = join '', map { 'my $fanout_' . ($_ + 1) . " = \$Fanout::params[$number][$_];" } 0 .. $#values;
    $code =~ s/\$\$(\d+)/\${fanout_$1}/g;
    my $sub = eval "package Arg; no strict; no warnings; $my sub { $code\n }";
    return answer(0, '', '', reason($@), 0) unless ref $sub eq 'CODE';
    push @compiled, $sub;
    push @same, $number{join "\0", @_} //= $number;
    answer(0, '', '', '', 0);
}

my %warned;
sub warning {
    my ($text) = @_;
    print STDERR "$name: Warning: $text\n" unless $warned{$text}++;
}

# What Perl says, without places in a text that nobody can see.
sub reason {
    my ($why) = @_;
    return "\0exit $$why" if ref $why eq 'Fanout::Exit';
    $why =~ s/ at \(eval \d+\) line \d+(?:, <[^>]*> line \d+)?//g;
    $why =~ s/\s*BEGIN failed--compilation aborted\.?\s*$//;
    $why =~ s/\.?\s*$//;
    utf8::encode($why) if utf8::is_utf8($why);
    return length $why ? $why : 'died';
}

# What an expression comes to for the argument at $place.
sub value {
    my ($sub, $place) = @_;
    $quoted = 1;
    my $value = $Arg::arg[$place];
    # As GNU parallel: nothing is what `next` leaves.
    my $ended = 0;
    for ($value) { &$sub(); $ended = 1 }
    return '' unless $ended && defined $value;
    utf8::encode($value) if utf8::is_utf8($value);
    return $value;
}

# Jobs in a row, with $width arguments each; an expression and the place of its argument are a call.
#
# As GNU parallel: what an expression comes to for an argument is calculated once, however often it is there, but anew
# each time it is wanted while it is false. A command line whose length is measured wants it once more: `$i++` is 1 for
# the first job, and `$i++ % 2` is never 0.
sub jobs {
    my ($args) = @_;
    ($seq, $slot, my ($measured, $count, $width, @calls)) = split / /, shift @$args;
    my ($first, $end) = ($seq, $seq + $count);
    my (@values, @skipped, @unquoted, $expression);
    my @subs = map { $_ % 2 ? () : $compiled[$calls[$_]] } 0 .. $#calls;
    my @places = map { $_ % 2 ? $calls[$_] : () } 0 .. $#calls;
    my %before;
    my @one = map { $before{"$same[$calls[2 * $_]] $places[$_]"} //= $_ } 0 .. $#subs;
    my $repeats = grep { $one[$_] != $_ } 0 .. $#one;
    $Arg::job = bless {}, 'Job';
    my $done = eval {
        while ($seq < $end) {
            @Arg::arg = (undef, splice(@$args, 0, $width));
            $skip = 0;
            my (@value, @plain);
            my $again = $repeats || !$measured;
            for ($expression = 0; $measured && $expression < @subs; ++$expression) {
                next if $one[$expression] != $expression;
                $value[$expression] = value($subs[$expression], $places[$expression]) or $again = 1;
                $plain[$expression] = !$quoted;
            }
            my @last = @one;
            for ($expression = 0; $again && $expression < @subs; ++$expression) {
                my $last = $last[$one[$expression]];
                if ($value[$last]) {
                    ($value[$expression], $plain[$expression]) = ($value[$last], $plain[$last]);
                    next;
                }
                $value[$expression] = value($subs[$expression], $places[$expression]);
                $plain[$expression] = !$quoted;
                $last[$one[$expression]] = $expression;
            }
            push @unquoted, grep { $plain[$_ - @values] } @values + 0 .. @values + $#subs if grep { $_ } @plain;
            push @values, @value;
            push @skipped, $seq - $first if $skip;
            ++$seq;
        }
        1;
    };
    my @why = $done ? ('', 0) : (reason($@), $calls[2 * $expression]);
    answer($seq - $first, "@skipped", "@unquoted", @why, @values);
}

# Which of the texts are true as expressions; one that is none is not.
sub test {
    my @held = grep { condition($_[$_]) } 0 .. $#_;
    answer(scalar @_, "@held", '', '', 0);
}

package Job;
sub seq { return $Fanout::seq }
sub slot { return $Fanout::slot }
sub skip { $Fanout::skip = 1; return }
sub total_jobs { return $Fanout::total }

package Arg;
use POSIX ();
use B ();
our ($job, @arg);
sub seq { return $Fanout::seq }
sub slot { return $Fanout::slot }
sub total_jobs { return $Fanout::total }
sub skip { $Fanout::skip = 1; return }
sub uq { $Fanout::quoted = 0; return }
# A group of --match. As GNU parallel: a text that does not match has the group 1.
sub group {
    my ($text, $regexp, $number) = @_;
    my @groups = $text =~ /$regexp/;
    Fanout::warning("--match: '$text' does not match '$regexp'") unless @groups;
    return @groups ? $groups[$number - 1] : 1;
}
sub hash { return B::hash($_[0]) }
sub pQ {
    my @texts = @_;
    s/([\\\$\@"])/\\$1/g for @texts;
    return wantarray ? @texts : join ' ', @texts;
}
sub Q {
    my @texts = @_;
    for (@texts) {
        next if m{^[-\w+./]+\z}a;
        $_ = join q("'"), map { length $_ ? "'$_'" : '' } split /'/, $_, -1;
        $_ = "''" unless length;
    }
    return wantarray ? @texts : join ' ', @texts;
}
# The time, or so many seconds after 1970 began.
sub now {
    my ($format, $seconds) = @_;
    return POSIX::strftime($format, localtime(defined $seconds ? $seconds : time));
}
sub yyyy_mm_dd_hh_mm_ss { return now('%Y-%m-%dT%H:%M:%S', @_) }
sub yyyy_mm_dd_hh_mm { return now('%Y-%m-%dT%H:%M', @_) }
sub yyyy_mm_dd { return now('%Y-%m-%d', @_) }
sub hh_mm_ss { return now('%H:%M:%S', @_) }
sub hh_mm { return now('%H:%M', @_) }
sub yyyymmddhhmmss { return now('%Y%m%d%H%M%S', @_) }
sub yyyymmddhhmm { return now('%Y%m%d%H%M', @_) }
sub yyyymmdd { return now('%Y%m%d', @_) }
sub hhmmss { return now('%H%M%S', @_) }
sub hhmm { return now('%H%M', @_) }

package main;
*Q = \&Arg::Q;
*pQ = \&Arg::pQ;
*shell_quote = *shell_quote_scalar = \&Arg::Q;
*hash = \&Arg::hash;
*total_jobs = \&Arg::total_jobs;
*skip = \&Arg::skip;
*uq = \&Arg::uq;
$Global::JobQueue = bless {}, 'Job';
$Global::progname = $Fanout::name;
sub dirname { require File::Basename; return File::Basename::dirname(@_) }
sub basename { require File::Basename; return File::Basename::basename(@_) }
sub make_regexp_ungreedy {
    my ($regexp) = @_;
    my $class = 0;
    $regexp =~ s{(\\.)|([][])|([*+\}])\??}{
        $class = $2 eq '[' if defined $2;
        defined $3 && !$class ? "$3?" : $&;
    }gse;
    return $regexp;
}

package Fanout;
# What is compiled from here on ends the run when it calls exit.
*CORE::GLOBAL::exit = sub (;$) {
    my $code = (@_ ? $_[0] : 0) & 255;
    die bless \$code, 'Fanout::Exit';
};
while (1) {
    my ($kind, @message) = unpack '(N/a*)*', take(unpack 'N', take(4));
    $kind eq 'jobs' ? jobs(\@message) : $kind eq 'test' ? test(@message) : compile(@message);
}
