#!/bin/sh
# Change is seen: poll(2) on open records, and readers who only look again and again.
. "$(dirname "$0")/../lib.sh"
. "$TESTS/mount/fake.sh"

check "mounts" start_fake
echo 192.0.2.1 >"$A/own.alt"
FAKE=$FAKE /usr/bin/python3 - "$A" <<'PY'
import os, select, signal, subprocess, sys, threading, time
os.chdir(sys.argv[1])
ok = lambda name, good: print(('ok ' if good else 'not ok ') + name, flush=True)
READY = select.POLLIN | select.POLLRDNORM | select.POLLOUT | select.POLLWRNORM

def write(name, text):
    with open(name, 'w') as f:
        f.write(text + '\n')

def polled(fd, ms, mask=select.POLLPRI):
    p = select.poll()
    p.register(fd, mask)
    return dict(p.poll(ms)).get(fd, 0)

def pread(fd, at=0):
    try:
        return os.pread(fd, 4096, at).decode()
    except OSError as e:
        return os.strerror(e.errno)

def wakes(fd, action, seconds=20):
    """The action, a moment after poll(2) has begun to sleep."""
    threading.Timer(0.1, action).start()
    begin = time.monotonic()
    got = polled(fd, seconds * 1000)
    return got == select.POLLPRI and time.monotonic() - begin >= 0.09

def open_read(name):
    fd = os.open(name, os.O_RDONLY)
    return fd, pread(fd)

fd, first = open_read('own.alt')
plain, _ = open_read('own.alt')
ok('a record is ready to be read', polled(fd, 0, READY) == READY)
ok('and unchanged', polled(fd, 100) == 0)
ok('a write wakes', wakes(fd, lambda: write('own.alt', '192.0.2.2')))
ok('it stays so until it is read', polled(fd, 0) == select.POLLPRI)
ok('reading on is in the old version', pread(fd, 10) == first[10:])
ok('pread at 0 gives the new', '"192.0.2.2"' in pread(fd))
ok('and then reading on too', '"192.0.2.2"' in pread(fd, 10))
ok('of which fstat has the size', os.fstat(fd).st_size == len(pread(fd)))
ok('which stands', polled(fd, 100) == 0)
ok('who does not poll has a snapshot', pread(plain) == first)
ok('the same again writes nothing new', (write('own.alt', '192.0.2.2'), polled(fd, 100))[1] == 0)
ok('a withdrawal wakes', wakes(fd, lambda: os.unlink('own.alt')))
ok('and reading says so', pread(fd) == 'No such file or directory')
ok('once', polled(fd, 100) == 0)
ok('a new record wakes', wakes(fd, lambda: write('own.alt', '192.0.2.3')))
ok('and is read', '"192.0.2.3"' in pread(fd))
ok('by rename', wakes(fd, lambda: (write('new', '192.0.2.4'), os.rename('new', 'own.alt'))) and '"192.0.2.4"' in pread(fd))
ok('select(2) says it by exception', (write('own.alt', '192.0.2.5'), select.select([], [], [fd], 20))[1][2] == [fd])
pread(fd)
e = select.epoll()
e.register(fd, select.EPOLLPRI)
for last in '678':
    write('own.alt', '192.0.2.' + last)
    ok('epoll(7) says it, %s' % last, e.poll(20) == [(fd, select.EPOLLPRI)] and '192.0.2.' + last in pread(fd))
ok('and no more', e.poll(0.1) == [])
e.close()

# What the network says: by somebody else's question, then by nobody's.
turn = lambda: os.kill(int(os.environ['FAKE']), signal.SIGUSR1)
net, _ = open_read('turn1.example.com')
look = lambda: (turn(), time.sleep(0.1), subprocess.run(['cat', 'turn1.example.com'], stdout=subprocess.PIPE))
ok('an answer that another caused wakes', wakes(net, look) and '"192.0.2.2"' in pread(net))
os.listdir()
ok('a new answer wakes though nobody asks, and the old one was listed', wakes(net, turn) and '"192.0.2.3"' in pread(net))
quiet, _ = open_read('turn1.example.com')
polled(quiet, 0, select.POLLIN)
asks = lambda: [l.split()[1] for l in open('../../.kadns/status') if l.startswith('asks')]
os.close(net)
turn()
before = asks()
time.sleep(6)
ok('for who only wants to read nobody is asked', asks() == before)
os.close(quiet)

# Readers who look again: the kernel keeps attributes and entries, but not for long, and what another
# user lists is kept for him.
def another_lists():
    subprocess.run(['setpriv', '--reuid', '1002', '--clear-groups', 'ls'], stdout=subprocess.DEVNULL)
for name, change, want in (('turn2.example.com', turn, '192.0.2.5'), ('own.alt', lambda: write('own.alt', '192.0.2.99 \n192.0.2.1'), '192.0.2.99')):
    os.stat(name), open(name).read(), change(), another_lists()
    begin = time.monotonic()
    while want not in open(name).read() or os.stat(name).st_size != len(open(name).read()):
        if time.monotonic() - begin > 25:
            break
        os.stat(name)
        time.sleep(0.05)
    # A second or two; what the kernel keeps for good would never be seen.
    ok('%s: stat and cat see a change' % name, time.monotonic() - begin < 25)

# Many at once, under a directory that is in use: notifications hold nobody up.
write('own.alt', '192.0.2.1')
fds = [os.open('own.alt', os.O_RDONLY) for i in range(200)]
for f in fds:
    polled(f, 0)
count, stop = [0], []
def follow():
    e = select.epoll()
    for f in fds:
        e.register(f, select.EPOLLPRI)
    while not stop:
        for f, _ in e.poll(0.2):
            pread(f)
            count[0] += 1
churn = subprocess.Popen(['sh', '-c', 'while :; do ls -l . >/dev/null; echo x >s; mv s t; rm t; done'])
follower = threading.Thread(target=follow)
follower.start()
until = time.monotonic() + 60
while count[0] < 4000 and time.monotonic() < until:
    for i in range(2, 52):
        write('own.alt', '192.0.2.%d' % i)
        time.sleep(0.001)
time.sleep(0.5)
stop.append(1)
follower.join()
churn.kill()
churn.wait()
ok('thousands of wake-ups', count[0] >= 4000)
ok('all have the last version', all('"192.0.2.51"' in pread(f) for f in fds))
more = [os.open('own.alt', os.O_RDONLY) for i in range(60)]
ok('257 watches are too many', [polled(f, 0) for f in more][-1] == select.POLLERR)
ok('but each can be read', all(polled(f, 0, select.POLLIN) == select.POLLIN and 'own' in pread(f) for f in more))
for f in fds + more:
    os.close(f)
control = os.open('../../.kadns/status', os.O_RDONLY)
ok('other files are ready and never change', polled(control, 100) == 0 and polled(control, 0, READY) == READY)
PY
[ $? = 0 ] || not_ok "poll"
is "closed, nobody watches" "$(sleep 0.2; count_of mount.watches)" 0
check "wake-ups are counted" test "$(count_of mount.wakes)" -ge 4000
check "ends well" stop_fake
finish
