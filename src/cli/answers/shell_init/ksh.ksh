
_fanout_shell() {
    case ${KSH_VERSION-} in
    *MIRBSD* | *LEGACY*) command -v mksh || command -v lksh ;;
    *) command -v ksh93 || command -v ksh ;;
    esac
}

_fanout_variables() { set | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)\(\[.*\]\)\{0,1\}=.*/\1/p' | sort -u; }
_fanout_functions() { typeset +f | sed 's/^function //; s/().*//; s/ .*//'; }
_fanout_aliases() { alias | sed -n 's/^\([A-Za-z_][A-Za-z0-9_.-]*\)=.*/\1/p'; }

_fanout_names() {
    _fanout_variables
    _fanout_functions
    _fanout_aliases
}

_fanout_state() {
    IFS=' 	
'
    for _fanout_name in $(_fanout_aliases); do
        _fanout_wants "$_fanout_name" && printf 'alias %s\n' "$(alias "$_fanout_name")"
    done
    for _fanout_name in $(_fanout_functions); do
        _fanout_wants "$_fanout_name" && typeset -f "$_fanout_name"
    done
    for _fanout_name in $(_fanout_variables); do
        case $_fanout_name in
        BASHPID | COLUMNS | EPOCHREALTIME | FCEDIT | IFS | JOBMAX | KSH_VERSION | KSHEGID | KSHGID | KSHUID | KSH_MATCH) ;;
        LINENO | LINES | OLDPWD | OPTARG | OPTIND | PARALLEL_* | PATHSEP | PIPESTATUS | PPID | PS1 | PS2 | PS3 | PS4 | PWD) ;;
        PGRP | RANDOM | SECONDS | SH_VERSION | SHLVL | SHELL | TMOUT | USER_ID | _) ;;
        *) _fanout_wants "$_fanout_name" && typeset -p "$_fanout_name" 2>/dev/null ;;
        esac
    done
    :
}

_fanout_clear() { unset "$_fanout_names"; _fanout_index=0; }

_fanout_append() {
    eval "$_fanout_names[$_fanout_index]=\$_fanout_value"
    _fanout_index=$((_fanout_index + 1))
}
