
_fanout_shell() { command -v zsh; }

_fanout_names() { print -l -- ${(k)parameters} ${(k)functions} ${(k)aliases}; }

_fanout_state() {
    [[ -o extendedglob ]] && print setopt extendedglob
    [[ -o shwordsplit ]] && print setopt shwordsplit
    [[ -o ksharrays ]] && print setopt ksharrays
    [[ -o nullglob ]] && print setopt nullglob
    emulate -L zsh
    for _fanout_name in ${(k)aliases}; do
        _fanout_wants $_fanout_name || continue
        # zsh -c knows no alias that it defines itself, so each becomes a function.
        _fanout_value=${aliases[$_fanout_name]}
        [[ ${${(z)_fanout_value}[1]} == $_fanout_name ]] && _fanout_value="command $_fanout_value"
        print -r -- "function $_fanout_name { $_fanout_value \"\$@\" }"
    done
    for _fanout_name in ${(k)functions}; do
        [[ ${functions[$_fanout_name]} == *'builtin autoload -X'* ]] && continue
        _fanout_wants $_fanout_name && typeset -f -- $_fanout_name
    done
    for _fanout_name in ${(k)parameters}; do
        case ${parameters[$_fanout_name]} in
        *special* | *export* | *hideval*) continue ;;
        esac
        case $_fanout_name in
        PARALLEL_* | LOGNAME | PWD | OLDPWD | SHLVL | TTY | _) continue ;;
        esac
        _fanout_wants $_fanout_name && typeset -p -- $_fanout_name 2>/dev/null
    done
    :
}

_fanout_clear() { unset $_fanout_names; eval "$_fanout_names=()"; }

_fanout_append() { eval "$_fanout_names+=(\"\$_fanout_value\")"; }
