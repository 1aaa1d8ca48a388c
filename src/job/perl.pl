# Evaluates the expressions of command templates; see perl.rs for the other end.
#
# A message is a count and so many strings, each with its length in front (32 bits, big endian).
# Expressions live in the package Arg and see the job's argument in $_, all of them in @arg (from 1),
# and the functions below.

package Fanout;
open(my $replies, '>&', \*STDOUT) or exit 1;
open(my $requests, '<&', \*STDIN) or exit 1;
open(STDOUT, '>&', \*STDERR);
open(STDIN, '<', '/dev/null');
binmode $_ for $requests, $replies;
$SIG{INT} = $SIG{TERM} = $SIG{HUP} = 'IGNORE';
our ($total, $slots) = @ARGV;
@ARGV = ();
$Global::max_jobs_running = $slots;
our ($seq, $slot, $skip, $quoted) = (0, 0, 0, 1);
our (@compiled, @params);

my $buffer = '';
sub take {
    my ($want) = @_;
    while (length $buffer < $want) {
        sysread($requests, $buffer, 65536, length $buffer) or exit 0;
    }
    return substr($buffer, 0, $want, '');
}

sub answer {
    my $message = pack('N (N/a*)*', scalar @_, @_);
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
    return answer('error', reason($@)) unless ref $sub eq 'CODE';
    push @compiled, $sub;
    answer('ok');
}

# What Perl says, without places in a text that nobody can see.
sub reason {
    my ($why) = @_;
    $why =~ s/ at \(eval \d+\) line \d+(?:, <[^>]*> line \d+)?//g;
    $why =~ s/\.?\s*$//;
    return $why;
}

sub job {
    ($seq, $slot, my $count, my @rest) = @_;
    @Arg::arg = (undef, splice(@rest, 0, $count));
    $Arg::job = bless {}, 'Job';
    $skip = 0;
    my @values;
    while (my ($expression, $place) = splice(@rest, 0, 2)) {
        local $_ = $Arg::arg[$place];
        $quoted = 1;
        unless (eval { $compiled[$expression]->(); 1 }) {
            return answer('error', reason($@), $expression);
        }
        my $value = defined $_ ? "$_" : '';
        utf8::encode($value) if utf8::is_utf8($value);
        push @values, ($quoted ? 'q' : 'u') . $value;
    }
    answer('ok', $skip, @values);
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
sub now { return POSIX::strftime($_[0], localtime) }
sub yyyy_mm_dd_hh_mm_ss { return now('%Y-%m-%dT%H:%M:%S') }
sub yyyy_mm_dd_hh_mm { return now('%Y-%m-%dT%H:%M') }
sub yyyy_mm_dd { return now('%Y-%m-%d') }
sub hh_mm_ss { return now('%H:%M:%S') }
sub hh_mm { return now('%H:%M') }
sub yyyymmddhhmmss { return now('%Y%m%d%H%M%S') }
sub yyyymmddhhmm { return now('%Y%m%d%H%M') }
sub yyyymmdd { return now('%Y%m%d') }
sub hhmmss { return now('%H%M%S') }
sub hhmm { return now('%H%M') }

package main;
*Q = \&Arg::Q;
*pQ = \&Arg::pQ;
*shell_quote = \&Arg::Q;
*hash = \&Arg::hash;
*total_jobs = \&Arg::total_jobs;

package Fanout;
while (1) {
    my $count = unpack 'N', take(4);
    my ($kind, @message) = map { take(unpack 'N', take(4)) } 1 .. $count;
    $kind eq 'compile' ? compile(@message) : job(@message);
}
