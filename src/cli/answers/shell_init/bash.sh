
_fanout_shell() { printf %s "$BASH"; }

_fanout_names() {
    compgen -A variable
    compgen -A function
    compgen -A alias
}

_fanout_state() {
    IFS=$' \t\n'
    shopt -p extglob globstar dotglob nullglob failglob nocaseglob nocasematch
    echo 'shopt -s expand_aliases'
    for _fanout_name in $(compgen -A alias); do
        _fanout_wants "$_fanout_name" && alias -- "$_fanout_name"
    done
    for _fanout_name in $(compgen -A function); do
        _fanout_wants "$_fanout_name" && declare -f -- "$_fanout_name"
    done
    for _fanout_name in $(compgen -A variable); do
        case $_fanout_name in
        BASH | BASH_* | BASHOPTS | BASHPID | COMP_* | COMPREPLY | DIRSTACK | EPOCH* | EUID | FUNCNAME | GROUPS | HISTCMD) ;;
        IFS | LINENO | OLDPWD | OPTARG | OPTERR | OPTIND | PARALLEL_* | PIPESTATUS | PPID | PWD | RANDOM | SECONDS) ;;
        SHELLOPTS | SHLVL | SRANDOM | UID | _) ;;
        *) _fanout_wants "$_fanout_name" && declare -p -- "$_fanout_name" 2>/dev/null ;;
        esac
    done
    :
}

_fanout_clear() {
    case $(declare -p "$_fanout_names" 2>/dev/null) in
    'declare -A'*) unset -v "$_fanout_names" ;;
    esac
    eval "$_fanout_names=()"
}

_fanout_append() { eval "$_fanout_names+=(\"\$_fanout_value\")"; }
