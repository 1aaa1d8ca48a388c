# fanout's shell functions: env_fanout, env_parallel, parset, env_parset.
#
# A shell's own part, behind this one, has _fanout_shell (the shell that runs the jobs), _fanout_state
# (prints the shell's state as code) and, if it has arrays, _fanout_append.

env_fanout() {
    _fanout_session "$@" && return
    _fanout_with_state '' '' "$@"
}

env_parallel() {
    _fanout_session "$@" && return
    _fanout_with_state '' --no-summary "$@"
}

# --session and --end-session are for this shell itself; --record-env notes more than fanout can see.
_fanout_session() {
    case ${1-} in
    --session)
        PARALLEL_IGNORED_STACK="${PARALLEL_IGNORED_NAMES-} / ${PARALLEL_IGNORED_STACK-}"
        PARALLEL_IGNORED_NAMES="$(_fanout_names | tr '\n' ' ') PARALLEL_IGNORED_NAMES PARALLEL_IGNORED_STACK"
        ;;
    --end-session)
        PARALLEL_IGNORED_NAMES=${PARALLEL_IGNORED_STACK%%" / "*}
        PARALLEL_IGNORED_STACK=${PARALLEL_IGNORED_STACK#*" / "}
        ;;
    --record-env)
        mkdir -p "$HOME/.parallel" && _fanout_names >"$HOME/.parallel/ignored_vars"
        ;;
    *) return 1 ;;
    esac
}

# Runs fanout with the rest of the arguments; in each job $1 and this shell's state come first.
# A subshell, so that nothing of this is seen outside.
_fanout_with_state() (
    set +e +u
    _fanout_prelude=$1 _fanout_option=$2
    shift 2
    _fanout_read_options "$@"
    _fanout_dir=$(mktemp -d "${TMPDIR:-/tmp}/fanout.XXXXXX") || exit 255
    trap 'rm -rf "$_fanout_dir"' 0
    trap 'exit 130' 2
    trap 'exit 143' 15
    _fanout_state >"$_fanout_dir/state"
    _fanout_start "$_fanout_prelude
. '$_fanout_dir/state'" $_fanout_option "$@"
)

# Runs fanout with the prelude $1 and the rest of the arguments, jobs in this kind of shell.
_fanout_start() {
    _fanout_prelude=$1
    shift
    PARALLEL_SHELL=$(_fanout_shell) command fanout --prelude "$_fanout_prelude" "$@"
}

# Which names are wanted: by --env, by ~/.parallel/ignored_vars and by --session.
_fanout_read_options() {
    _fanout_only= _fanout_before= _fanout_ignored="${PARALLEL_IGNORED_NAMES-}"
    for _fanout_word in "$@"; do
        case $_fanout_before in
        --env) _fanout_env "$_fanout_word" ;;
        esac
        _fanout_before=$_fanout_word
        case $_fanout_word in
        --env=*) _fanout_env "${_fanout_word#--env=}" ;;
        ::: | :::: | :::+ | ::::+) return ;;
        esac
    done
}

_fanout_env() {
    case $1 in
    _) _fanout_ignored="$_fanout_ignored $(tr '\n' ' ' <"$HOME/.parallel/ignored_vars")" ;;
    *) _fanout_only="$_fanout_only $(printf %s "$1" | tr , ' ') " ;;
    esac
}

# Whether the variable, function or alias $1 goes to the jobs.
_fanout_wants() {
    case $1 in
    *[!a-zA-Z0-9_.:+@%-]* | '' | _fanout_* | env_fanout | env_parallel | parset | env_parset) return 1 ;;
    esac
    if [ -n "$_fanout_only" ]; then
        case " $_fanout_only " in *" $1 "*) ;; *) return 1 ;; esac
    else
        case " $_fanout_ignored " in *" $1 "*) return 1 ;; esac
    fi
}

parset() {
    _fanout_parset _fanout_start "$@"
}

env_parset() {
    _fanout_parset _fanout_with_state "$@"
}

# Runs jobs by $1; their output goes into the variables $2.
_fanout_parset() {
    if [ $# -lt 2 ]; then
        echo 'parset: Error: no variable was named: parset VARIABLE[,VARIABLE...] COMMAND ::: VALUES' >&2
        return 255
    fi
    _fanout_runner=$1 _fanout_names=$(printf %s "$2" | tr ', ' '\n\n')
    _fanout_check "$_fanout_names" || return 255
    case $2 in
    *[,\ ]*) _fanout_kind=variables ;;
    *) _fanout_kind=array ;;
    esac
    shift 2
    _fanout_out=$(mktemp -d "${TMPDIR:-/tmp}/fanout.XXXXXX") || return 255
    : >"$_fanout_out/0"
    _fanout_status=0
    "$_fanout_runner" "exec >'$_fanout_out/'\$PARALLEL_SEQ" --no-summary "$@" || _fanout_status=$?
    _fanout_assign || _fanout_status=255
    rm -rf "$_fanout_out"
    return $_fanout_status
}

_fanout_check() {
    if printf '%s\n' "$1" | grep -qvE '^[A-Za-z_][A-Za-z0-9_]*(\[[0-9]+\])?$'; then
        echo "parset: Error: '$(printf %s "$1" | tr '\n' ' ')': names of variables are letters, digits and _" >&2
        return 1
    fi
}

# The jobs' outputs, in order, each without its last newline.
_fanout_assign() {
    _fanout_last=0
    for _fanout_file in "$_fanout_out"/*; do
        _fanout_file=${_fanout_file##*/}
        if [ "$_fanout_file" -gt "$_fanout_last" ]; then _fanout_last=$_fanout_file; fi
    done
    if [ "$_fanout_kind" = array ]; then _fanout_clear; fi
    _fanout_at=0
    while [ "$_fanout_at" -lt "$_fanout_last" ]; do
        _fanout_at=$((_fanout_at + 1))
        _fanout_value=$(cat "$_fanout_out/$_fanout_at" 2>/dev/null && echo x)
        _fanout_value=${_fanout_value%x}
        _fanout_value=${_fanout_value%"
"}
        if [ "$_fanout_kind" = array ]; then
            _fanout_append || return
            continue
        fi
        _fanout_name=$(printf '%s\n' "$_fanout_names" | sed -n "${_fanout_at}p")
        if [ -z "$_fanout_name" ]; then
            echo 'parset: Error: there are more jobs than names of variables' >&2
            return 1
        fi
        eval "$_fanout_name=\$_fanout_value"
    done
}
