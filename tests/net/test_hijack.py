#!/usr/bin/python3
"""Ordinary names cannot be taken over: hijack.py with few publishers and names. The numbers of the promise
are those of tests/bench/hijack.py."""
import hijack
import lab

lab.enter(120)
lab.main(lambda: hijack.Run(20, 50).all())
