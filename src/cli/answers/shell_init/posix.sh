
_fanout_shell() { command -v dash || command -v sh; }

# Such a shell cannot list its functions.
_fanout_variables() { set | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'; }
_fanout_aliases() { alias | sed -n 's/^\(alias \)\{0,1\}\([A-Za-z_][A-Za-z0-9_.-]*\)=.*/\2/p'; }

_fanout_names() {
    _fanout_variables
    _fanout_aliases
}

_fanout_state() {
    IFS=' 	
'
    for _fanout_name in $(_fanout_aliases); do
        _fanout_wants "$_fanout_name" && printf 'alias %s\n' "$(alias "$_fanout_name" | sed '1s/^alias //')"
    done
    for _fanout_name in $(_fanout_variables); do
        case $_fanout_name in
        IFS | LINENO | OLDPWD | OPTARG | OPTIND | PARALLEL_* | PPID | PS1 | PS2 | PS4 | PWD | SHLVL | _) ;;
        *) _fanout_wants "$_fanout_name" && _fanout_assignment ;;
        esac
    done
    :
}

_fanout_assignment() {
    # The x keeps newlines at the end.
    eval "_fanout_value=\${$_fanout_name}x"
    _fanout_value=$(printf '%s\n' "$_fanout_value" | sed "s/'/'\\\\''/g")
    printf "%s='%s'\n" "$_fanout_name" "${_fanout_value%x}"
}

_fanout_clear() { _fanout_index=0; }

# There are no arrays: one job's output fits into one variable.
_fanout_append() {
    if [ "$_fanout_index" -gt 0 ]; then
        echo 'parset: Error: there are more jobs than names of variables' >&2
        return 1
    fi
    eval "$_fanout_names=\$_fanout_value"
    _fanout_index=1
}
