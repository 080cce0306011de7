export { runDoctor } from '../doctor/main.ts';
