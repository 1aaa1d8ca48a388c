# fanout's shell functions for fish: fanout --shell-init fish | source

function _fanout_state --no-scope-shadowing
    for _fanout_name in (functions --names --all)
        if string match -q '_fanout_*' -- $_fanout_name; or contains -- $_fanout_name env_parallel env_fanout fish_prompt
            continue
        end
        if set -q _fanout_only[1]
            contains -- $_fanout_name $_fanout_only; or continue
        else
            contains -- $_fanout_name $PARALLEL_IGNORED_NAMES; and continue
            # What fish itself brings along is there in every fish.
            string match -q '/*/share/fish/*' -- (functions --details $_fanout_name); and continue
            string match -q 'embedded:*' -- (functions --details $_fanout_name); and continue
            contains -- (functions --details $_fanout_name) n/a builtin; and continue
        end
        functions --no-details -- $_fanout_name 2>/dev/null; or functions -- $_fanout_name
    end
    for _fanout_name in (set --names)
        switch $_fanout_name
            case '_fanout_*' argv history "status*" pipestatus version fish_pid hostname PWD SHLVL FISH_VERSION '__fish*' fish_kill_signal _ umask USER HOME PATH 'fish_*' 'PARALLEL_*' last_pid
                continue
        end
        if set -q _fanout_only[1]
            contains -- $_fanout_name $_fanout_only; or continue
        else
            contains -- $_fanout_name $PARALLEL_IGNORED_NAMES; and continue
            set -qx $_fanout_name; and continue
        end
        echo set -g $_fanout_name (string escape -- $$_fanout_name)
    end
end

function _fanout_with_state --no-scope-shadowing
    set -l _fanout_only
    set -l _fanout_before
    for _fanout_word in $argv
        switch "$_fanout_before"
            case --env
                set -a _fanout_only (string split , -- $_fanout_word)
        end
        set _fanout_before $_fanout_word
        switch "$_fanout_word"
            case '--env=*'
                set -a _fanout_only (string split , -- (string replace -- --env= '' $_fanout_word))
            case ::: :::: ':::+' '::::+'
                break
        end
    end
    set -l _fanout_dir (mktemp -d)
    or return 255
    _fanout_state >$_fanout_dir/state
    PARALLEL_SHELL=(command -s fish) command fanout --prelude "source '$_fanout_dir/state'" $argv
    set -l _fanout_status $status
    command rm -rf $_fanout_dir
    return $_fanout_status
end

function env_fanout --no-scope-shadowing
    _fanout_with_state $argv
end

function env_parallel --no-scope-shadowing
    switch "$argv[1]"
        case --session
            set -g PARALLEL_IGNORED_NAMES (set --names) (functions --names --all)
        case --end-session
            set -e PARALLEL_IGNORED_NAMES
        case '*'
            _fanout_with_state --no-summary $argv
    end
end
